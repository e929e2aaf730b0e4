# `make help` lists the targets; each makes the environments that it needs.
.DEFAULT_GOAL := help
SHELL := bash
PYTHONS := 3.11 3.12 3.13
PYTHON ?= python3
PY := .venv/bin/python
READY := .venv/ready
LAKE := $(or $(TICKERLAKE_LAKE),lake)
ENV ?= dev
BASE ?= origin/main

# Make the target's folder an environment of the first prerequisite; $(1) is how long that takes.
define environment
@echo "setting up $(@D) (about $(1), once)"
@$(PYTHON) -m venv $(@D)
@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
endef

# `##@ ` begins a group of this list, `## ` the description of a target.
.PHONY: help
help: ## Print this list
	@awk -F ':.*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } /^[a-z-]+:.*## / { printf "  make %-22s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Start

.PHONY: setup
setup: $(READY) profiles.yml ## Make the environment .venv, DuckDB's extensions and profiles.yml

$(READY): requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(f"{sys.version_info[0]}.{sys.version_info[1]}" not in "$(PYTHONS)".split())' || { echo "error: $(PYTHON) is none of Python $(PYTHONS); pass PYTHON=python$(lastword $(PYTHONS))"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "error: $(PYTHON) cannot make environments; install python3-venv"; exit 1; }
	$(call environment,a minute)
	@$(PY) -c 'import pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), "tickerlake.pth").write_text(f"{pathlib.Path.cwd()}\n")'
	@$(PY) -m pipeline.extensions
	@mkdir -p lake
	@touch $@

profiles.yml: | profiles.yml.example
	@cp profiles.yml.example $@ && echo "wrote profiles.yml from profiles.yml.example"

.PHONY: demo
demo: setup ## Simulate two deliveries of bars with faults, build after each, print a summary
	@$(PY) -m pipeline demo

##@ Build and read

.PHONY: build
build: setup ## Build the warehouse from what has landed, test it, publish it
	@$(PY) -m pipeline build

.PHONY: answers
answers: setup ## Answer five questions from the published tables, with a chart each
	@$(PY) -m pipeline answers

.PHONY: sql
sql: setup ## Open a DuckDB shell on the published tables
	@$(PY) -m pipeline sql

LIBRARY := serving/api/static/vendor/lightweight-charts.standalone.production.js
.PHONY: page
page: $(LIBRARY) ## Download the page's chart library by its pinned hash

$(LIBRARY): serving/page/package-lock.json requirements/page.txt
	@command -v npm > /dev/null || [ -x .venv-node/bin/npm ] || { echo "setting up .venv-node (no npm here; once)"; \
	  $(PYTHON) -m venv .venv-node && .venv-node/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/page.txt; }
	@cd serving/page && PATH="$$PATH:$(CURDIR)/.venv-node/bin" npm ci --silent
	@mkdir -p $(@D) && cp serving/page/node_modules/lightweight-charts/dist/$(@F) serving/page/node_modules/lightweight-charts/LICENSE $(@D)
	@touch $@

.PHONY: serve
serve: setup page ## Serve the API and the page on 127.0.0.1:8321 (PORT=); Ctrl-C stops it
	@$(PY) -m serving.api --port $(or $(PORT),8321)

.PHONY: live
live: setup page ## Simulate a market, build round after round, and show it on 127.0.0.1:8321 (PORT=); Ctrl-C stops it
	@$(PY) -m pipeline live --every 2 --port $(or $(PORT),8321)

.PHONY: dashboards
dashboards: setup setup-superset ## Show the dashboards in Superset on 127.0.0.1:8088 (PORT=); Ctrl-C stops it
	@.venv-superset/bin/python -m dashboards.serve --port $(or $(PORT),8088)

##@ Test

.PHONY: check
check: export TICKERLAKE_LAKE := target/check
check: setup ## Lint, type-check and parse everything
	@.venv/bin/ruff check --quiet .
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/mypy --no-error-summary benchmarks dashboards infra loader local_aws pipeline seeds serving testkit tests tickerlake
	@.venv/bin/yamllint --strict .
	@mkdir -p $(TICKERLAKE_LAKE)
	@.venv/bin/sqlfluff lint --disable-progress-bar analyses models tests/warehouse > target/sqlfluff.log 2>&1 || { cat target/sqlfluff.log; exit 1; }
	@.venv/bin/dbt --quiet parse --target aws --target-path target/aws
	@.venv/bin/dbt --quiet parse --target local
	@.venv/bin/dbt-bouncer run --config-file .dbt-bouncer.yml > target/bouncer.log 2>&1 || { cat target/bouncer.log; exit 1; }
	@$(PY) -m pytest -n 0 tests/test_project_rules.py > target/rules.log 2>&1 || { cat target/rules.log; exit 1; }
	@echo "check: all clean"

.PHONY: check-infra
check-infra: setup setup-infra docs ## Lint the deployment's template, policies and workflows, scan them for security
	@$(PY) -m infra.template target/template.json
	@.venv-infra/bin/cfn-lint target/template.json infra/deploying_role.yaml
	@.venv-infra/bin/checkov --file target/template.json infra/deploying_role.yaml --framework cloudformation --compact --quiet --skip-download
	@.venv-infra/bin/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@.venv-infra/bin/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	@.venv-infra/bin/zizmor --quiet --offline --no-progress .github > target/zizmor.log 2>&1 || { cat target/zizmor.log; exit 1; }
	@$(PY) -m pytest -n 0 tests/infra > target/infra.log 2>&1 || { cat target/infra.log; exit 1; }
	@echo "check-infra: all clean"

.PHONY: test
test: setup ## Run the tests that every change must pass (under 3 minutes)
	@$(PY) -m pytest -m "not slow and not aws"

.PHONY: test-all
test-all: setup setup-superset ## Run every test except those of test-browser and test-aws
	@$(PY) -m pytest -m "not aws"

.PHONY: test-browser
test-browser: setup setup-browser ## Compare what the page draws in a headless Chromium with the API
	@rm -rf target/browser && mkdir -p target/browser/home target/browser/tmp
	@HOME=$(CURDIR)/target/browser/home TMPDIR=$(CURDIR)/target/browser/tmp .venv-browser/bin/python -m pytest --rootdir tests/browser -c tests/browser/pytest.ini tests/browser

.PHONY: test-aws
test-aws: setup setup-local-aws setup-infra setup-superset page ## Run the project on Athena's engine, compare with DuckDB, crash-test, deploy (30 minutes)
	@.venv-local-aws/bin/python -m pytest --rootdir local_aws -c local_aws/tests/pytest.ini local_aws/tests
	@$(PY) -m pytest -n 0 -m aws

.PHONY: soak
soak: setup setup-local-aws ## Random faults, runs and crashes on both engines; SEEDS=300 MINUTES=10 SEED=1 KILLS=30
	@$(PY) -m tests.loader.simulated_day $(or $(SEEDS),300) $(or $(SEED),1)
	@TICKERLAKE_SOAK=1 $(PY) -m pytest tests/loader -k "forges or conservation"
	@$(PY) -m tests.warehouse.test_property $(or $(MINUTES),10) $(or $(SEED),1)
	@$(PY) -m tests.aws.soak $(or $(KILLS),30) $(or $(SEED),1)

.PHONY: cost
cost: setup setup-local-aws ## Price each workload on Athena's engine, compare with the budget
	@$(PY) -m benchmarks.cost

.PHONY: slim
slim: setup ## Build and test what differs from BASE=origin/main, on what BASE built from simulated bars
	@$(PY) -m pipeline.slim $(BASE)

##@ AWS

.PHONY: local-aws
local-aws: setup-local-aws ## Start Athena's API on a real Trino, Glue and S3 on 127.0.0.1; Ctrl-C stops them
	@.venv-local-aws/bin/python -m local_aws --bucket tickerlake-results --bucket tickerlake-warehouse

.PHONY: deploy
deploy: setup $(if $(findstring Api=true,$(PARAMETERS)),page) ## Deploy to AWS; ENV=dev PARAMETERS="AlarmEmail=me@example.com Provider=yahoo"
	@$(PY) -m infra deploy $(ENV) $(PARAMETERS)

.PHONY: verify
verify: setup ## Check a deployment: key, a line from stream to Athena, alarm subscribers; ENV=dev
	@$(PY) -m infra verify $(ENV)

.PHONY: run
run: setup ## Invoke a deployment's loader, then its transformation, print a summary; ENV=dev SELECTOR=intraday
	@$(PY) -m infra run $(ENV) $(if $(SELECTOR),--selector $(SELECTOR))

.PHONY: backfill
backfill: setup ## Fetch a range into a deployment; ENV=dev ARGS="--provider yahoo --symbols TSLA --from 2026-11-09 --to 2026-11-20"
	@$(PY) -m infra loader $(ENV) backfill $(ARGS)

.PHONY: resend
resend: setup ## Send a deployment's dead letters again; ENV=dev
	@$(PY) -m infra loader $(ENV) resend-dead-letters

.PHONY: destroy
destroy: setup ## Remove a deployment, a dry run unless YES=1; ENV=dev DELETE_DATA=1 deletes buckets and tables, too
	@$(PY) -m infra destroy $(ENV) $(if $(YES),--yes) $(if $(DELETE_DATA),--delete-data)

.PHONY: package
package: setup ## Build the loader's Lambda package, target/loader.zip
	@$(PY) -m loader.package target/loader.zip

.PHONY: package-api
package-api: setup page ## Build the API's Lambda package, target/api.zip
	@$(PY) -m serving.api.package target/api.zip

.PHONY: template
template: setup ## Write the generated parts of infra/template.yaml, from the record contract
	@$(PY) -m infra.raw_zone

##@ Develop

.PHONY: render-dashboards
render-dashboards: setup ## Render the dashboards for Grafana, Metabase, Superset and Power BI into target/dashboards/
	@$(PY) -m dashboards render

.PHONY: docs
docs: setup-infra dbt-docs ## Build the documentation's site into site/, strictly, with dbt's pages in site/dbt/
	@NO_MKDOCS_2_WARNING=1 .venv-infra/bin/mkdocs build --quiet --strict

.PHONY: dbt-docs
dbt-docs: export TICKERLAKE_LAKE := target/dbt-docs/lake
dbt-docs: setup ## Write dbt's documentation of all models and columns, target/dbt-docs/static_index.html
	@mkdir -p $(TICKERLAKE_LAKE)
	@.venv/bin/dbt --quiet docs generate --static --empty-catalog --target local --target-path target/dbt-docs

.PHONY: lineage
lineage: dbt-docs ## Draw docs/lineage.svg, the models and what they read
	@$(PY) -m pipeline.lineage target/dbt-docs/manifest.json docs/lineage.svg

.PHONY: screenshot
screenshot: setup setup-browser ## Draw docs/page.png, the screenshot of the page, from the lake
	@.venv-browser/bin/python -m testkit.browser.screenshot $(LAKE) docs/page.png

.PHONY: dashboard-screenshots
dashboard-screenshots: setup setup-superset setup-browser ## Draw docs/dashboards-*.png from the lake
	@.venv-browser/bin/python -m testkit.browser.dashboard_screenshots $(LAKE) docs

.PHONY: contract
contract: setup ## Write serving/contract.json, the contract of the public models, from dbt's manifest
	@$(PY) -m pipeline.contract

.PHONY: seeds
seeds: setup ## Generate the exchange calendars again
	@$(PY) -m seeds.generate_exchange_calendars

# base and serving are installed apart, at the versions of dev
LOCKS := $(patsubst requirements/%.in,%,$(wildcard requirements/*.in))
UV_COMPILE := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header
CONSTRAINTS_base := -c requirements/dev.txt
CONSTRAINTS_serving := -c requirements/dev.txt

.PHONY: lock
lock: $(LOCKS:%=lock-%) ## Update requirements/*.txt from requirements/*.in

lock-base lock-serving: lock-dev

lock-%: setup
	@$(UV_COMPILE) requirements/$*.in $(CONSTRAINTS_$*) -o requirements/$*.txt

.PHONY: release-check
release-check: setup docs $(LOCKS:%=check-lock-%) ## Check what a release needs: one version, its changelog, a clean tree, current locks, docs
	@test -z "$$(git status --porcelain)" || { git status --short; echo "error: the tree is not clean; commit or remove these files"; exit 1; }
	@$(PY) -m pytest -n 0 tests/test_release.py
	@echo "release-check: ready to tag v$$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)"

# Current: resolving again changes nothing. Supported: every Python can install it.
check-lock-%: setup
	@mkdir -p target/locks && cp requirements/$*.txt target/locks/
	@$(UV_COMPILE) requirements/$*.in $(CONSTRAINTS_$*) -o target/locks/$*.txt
	@diff requirements/$*.txt target/locks/$*.txt || { echo "error: requirements/$*.txt is not current; run make lock"; exit 1; }
	@for version in $(PYTHONS); do \
	  .venv/bin/uv pip install --quiet --dry-run --python-version $$version --target target/locks/empty --require-hashes -r requirements/$*.txt \
	    || { echo "error: requirements/$*.txt cannot be installed in Python $$version"; exit 1; }; done

.PHONY: clean
clean: ## Remove the environments and what builds leave behind (not the lake)
	@rm -rf .venv .venv-* target logs site .mypy_cache .ruff_cache

##@ Environments (made when needed)

.PHONY: setup-superset
setup-superset: .venv-superset/ready ## Make the environment of Superset (800 MB)

.venv-superset/ready: requirements/superset.txt
	$(call environment,two minutes)
	@touch $@

.PHONY: setup-browser
setup-browser: .venv-browser/ready page ## Make the environment of the page's tests: Node, Chromium (180 MB)

.venv-browser/ready: requirements/browser.txt testkit/browser/package-lock.json
	$(call environment,a minute)
	@cd testkit/browser && PATH="$(CURDIR)/.venv-browser/bin:$$PATH" npm ci --silent
	@touch $@

.PHONY: setup-local-aws
setup-local-aws: .venv-local-aws/ready ## Make the environment of the local AWS, download Trino (540 MB)

.venv-local-aws/ready: requirements/local_aws.txt
	$(call environment,a minute)
	@.venv-local-aws/bin/python -m local_aws --fetch-only
	@touch $@

.PHONY: setup-infra
setup-infra: .venv-infra/ready ## Make the environment of the deployment's linters and of the docs

.venv-infra/ready: requirements/infra.txt
	$(call environment,a minute)
	@touch $@
