# Every target makes its own environment first; `make help` lists them.
.DEFAULT_GOAL := help
SHELL := bash
PYTHON ?= python3
PY := .venv/bin/python
READY := .venv/ready

# Make the target's folder an environment of the first prerequisite; $(1) is how long that takes.
define environment
@echo "setting up $(@D) (about $(1), once)"
@$(PYTHON) -m venv $(@D)
@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
endef

.PHONY: help
help: ## Print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

.PHONY: setup
setup: $(READY) profiles.yml ## Make the environment: .venv, DuckDB's extensions, profiles.yml

$(READY): requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: $(PYTHON) is older than 3.11; pass PYTHON=python3.11 or newer"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "error: $(PYTHON) cannot make environments; install python3-venv"; exit 1; }
	$(call environment,a minute)
	@$(PY) -m pipeline.extensions
	@mkdir -p lake
	@touch $@

profiles.yml: | profiles.yml.example
	@cp profiles.yml.example $@ && echo "wrote profiles.yml from profiles.yml.example"

.PHONY: demo
demo: setup ## Simulate two deliveries of bars with faults, build after each, show what came out
	@$(PY) -m pipeline demo

.PHONY: build
build: setup ## Build the warehouse from what has landed, test it, publish it
	@$(PY) -m pipeline build

.PHONY: answers
answers: setup ## Answer five questions from the published days, with a picture each
	@$(PY) -m pipeline answers

.PHONY: sql
sql: setup ## Open a DuckDB shell on the published tables
	@$(PY) -m pipeline sql

LIBRARY := serving/api/static/vendor/lightweight-charts.standalone.production.js
.PHONY: page
page: $(LIBRARY) ## Fetch the chart library of the page by its pinned hash

$(LIBRARY): serving/page/package-lock.json requirements/page.txt
	@command -v npm > /dev/null || [ -x .venv-node/bin/npm ] || { echo "setting up .venv-node (no npm here; once)"; \
	  $(PYTHON) -m venv .venv-node && .venv-node/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/page.txt; }
	@cd serving/page && PATH="$$PATH:$(CURDIR)/.venv-node/bin" npm ci --silent
	@mkdir -p $(@D) && cp serving/page/node_modules/lightweight-charts/dist/$(@F) serving/page/node_modules/lightweight-charts/LICENSE $(@D)
	@touch $@

.PHONY: serve
serve: setup page ## Serve the API and the page on 127.0.0.1:8321 (PORT=...); Ctrl-C ends it
	@$(PY) -m serving.api --port $(or $(PORT),8321)

.PHONY: test
test: setup ## Run the tests that a change must pass (under 3 minutes)
	@$(PY) -m pytest -m "not slow and not aws"

.PHONY: test-all
test-all: setup setup-superset ## Run every test that needs no second engine
	@$(PY) -m pytest -m "not aws"

.PHONY: test-aws
test-aws: setup setup-local-aws setup-infra setup-superset page ## Run the project on Athena's engine, hold it against DuckDB, kill it, deploy to it (half an hour)
	@.venv-local-aws/bin/python -m pytest --rootdir local_aws -c local_aws/tests/pytest.ini local_aws/tests
	@$(PY) -m pytest -n 0 -m aws

.PHONY: setup-local-aws
setup-local-aws: .venv-local-aws/ready ## Make the environment of the local AWS, and fetch Trino once (540 MB)

.venv-local-aws/ready: requirements/local_aws.txt
	$(call environment,a minute)
	@.venv-local-aws/bin/python -m local_aws --fetch-only
	@touch $@

.PHONY: local-aws
local-aws: setup-local-aws ## Start an AWS on 127.0.0.1: Athena on a real Trino, Glue, S3; Ctrl-C ends it
	@.venv-local-aws/bin/python -m local_aws --bucket tickerlake-results --bucket tickerlake-warehouse

.PHONY: dashboards
dashboards: setup setup-superset ## Show the dashboards in Superset on 127.0.0.1:8088 (PORT=), on what is published
	@.venv-superset/bin/python -m dashboards.serve --port $(or $(PORT),8088)

.PHONY: dashboard-pictures
dashboard-pictures: setup setup-superset setup-browser ## Draw docs/dashboards-*.png from the lake
	@.venv-browser/bin/python -m dashboards.pictures $${TICKERLAKE_LAKE:-lake} docs

.PHONY: setup-superset
setup-superset: .venv-superset/ready ## Make the environment of Superset (800 MB)

.venv-superset/ready: requirements/superset.txt
	$(call environment,two minutes)
	@touch $@

.PHONY: setup-browser
setup-browser: .venv-browser/ready page ## Make the environment of the page's tests: Node, Chromium (180 MB)

.venv-browser/ready: requirements/browser.txt serving/browser/package-lock.json
	$(call environment,a minute)
	@cd serving/browser && PATH="$(CURDIR)/.venv-browser/bin:$$PATH" npm ci --silent
	@touch $@

.PHONY: test-browser
test-browser: setup setup-browser ## Compare what the page draws in a headless Chromium with the API
	@rm -rf target/browser && mkdir -p target/browser/home target/browser/tmp
	@HOME=$(CURDIR)/target/browser/home TMPDIR=$(CURDIR)/target/browser/tmp .venv-browser/bin/python -m pytest --rootdir serving/browser -c serving/browser/pytest.ini serving/browser

.PHONY: screenshot
screenshot: setup setup-browser ## Draw docs/page.png, the picture of the page, from the lake
	@.venv-browser/bin/python -m serving.browser.screenshot $${TICKERLAKE_LAKE:-lake} docs/page.png

.PHONY: cost
cost: setup setup-local-aws ## Price each workload on Athena's engine, hold it to the budget
	@$(PY) -m benchmarks.cost

.PHONY: soak
soak: setup setup-local-aws ## Faulty days, mutated bodies, random runs, kills on both engines: SEEDS=300 MINUTES=10 SEED=1 KILLS=30
	@$(PY) -m tests.loader.test_simulated_day $(or $(SEEDS),300) $(or $(SEED),1)
	@TICKERLAKE_SOAK=1 $(PY) -m pytest tests/loader -k "forges or conservation"
	@$(PY) -m tests.warehouse.test_property $(or $(MINUTES),10) $(or $(SEED),1)
	@$(PY) -m tests.aws.soak $(or $(KILLS),30) $(or $(SEED),1)

.PHONY: package
package: setup ## Build the Lambda package, target/loader.zip
	@$(PY) -m loader.package target/loader.zip

.PHONY: package-api
package-api: setup page ## Build the API's Lambda package, target/api.zip
	@$(PY) -m serving.api.package target/api.zip

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

.PHONY: template
template: setup ## Write what follows from the record contract into infra/template.yaml
	@$(PY) -m infra.raw_zone

.PHONY: setup-infra
setup-infra: .venv-infra/ready ## Make the environment of the deployment's linters and of the docs

.venv-infra/ready: requirements/infra.txt
	$(call environment,a minute)
	@touch $@

.PHONY: check-infra
check-infra: setup setup-infra docs ## Lint the template and its policies, scan it for security, lint the workflows
	@$(PY) -m infra.template target/template.json
	@.venv-infra/bin/cfn-lint target/template.json
	@.venv-infra/bin/checkov --file target/template.json --framework cloudformation --compact --quiet --skip-download
	@.venv-infra/bin/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@.venv-infra/bin/zizmor --quiet --offline --no-progress .github > target/zizmor.log 2>&1 || { cat target/zizmor.log; exit 1; }
	@$(PY) -m pytest -n 0 tests/infra > target/infra.log 2>&1 || { cat target/infra.log; exit 1; }
	@echo "check-infra: all clean"

.PHONY: docs
docs: setup-infra ## Build the documentation's site into site/, strictly
	@NO_MKDOCS_2_WARNING=1 .venv-infra/bin/mkdocs build --quiet --strict

BASE ?= origin/main
.PHONY: slim
slim: setup ## Build and test what differs from BASE=origin/main, on what BASE built from simulated bars
	@$(PY) -m pipeline.slim $(BASE)

ENV ?= dev
.PHONY: deploy
deploy: setup $(if $(findstring Api=true,$(PARAMETERS)),page) ## Deploy to AWS: ENV=dev PARAMETERS="AlarmEmail=me@example.com Provider=yahoo"
	@$(PY) -m infra deploy $(ENV) $(PARAMETERS)

.PHONY: verify
verify: setup ## Check a deployment: key, a line through a stream to Athena, who hears alarms: ENV=dev
	@$(PY) -m infra verify $(ENV)

.PHONY: run
run: setup ## Invoke a deployment's loader, then its transformation, and sum up: ENV=dev SELECTOR=intraday
	@$(PY) -m infra run $(ENV) $(SELECTOR)

.PHONY: backfill
backfill: setup ## Fetch a range into a deployment: ENV=dev ARGS="--provider yahoo --symbols TSLA --from 2026-11-09 --to 2026-11-20"
	@$(PY) -m infra loader $(ENV) backfill $(ARGS)

.PHONY: resend
resend: setup ## Land a deployment's lines that were given up: ENV=dev
	@$(PY) -m infra loader $(ENV) resend-dead-letters

.PHONY: destroy
destroy: setup ## Remove a deployment, a rehearsal unless SURE=tickerlake-dev: ENV=dev DATA=delete takes buckets and tables, too
	@DATA=$(DATA) SURE=$(SURE) $(PY) -m infra destroy $(ENV)

.PHONY: lock
lock: setup ## Renew requirements/*.txt from requirements/*.in
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header requirements/dev.in -o requirements/dev.txt
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header requirements/base.in -c requirements/dev.txt -o requirements/base.txt
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header requirements/serving.in -c requirements/dev.txt -o requirements/serving.txt
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header requirements/local_aws.in -o requirements/local_aws.txt
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header requirements/superset.in -o requirements/superset.txt
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header requirements/infra.in -o requirements/infra.txt
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header requirements/browser.in -o requirements/browser.txt
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header requirements/page.in -o requirements/page.txt

.PHONY: seeds
seeds: setup ## Generate the exchange calendars again
	@$(PY) seeds/generate_exchange_exceptions.py

.PHONY: clean
clean: ## Remove the environment and what builds leave behind (not the lake)
	@rm -rf .venv .venv-superset .venv-browser .venv-node target logs .mypy_cache .ruff_cache
