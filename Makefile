# Every target makes its own environment first; `make help` lists them.
.DEFAULT_GOAL := help
SHELL := bash
PYTHON ?= python3
PY := .venv/bin/python
READY := .venv/ready

.PHONY: help
help: ## Print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

.PHONY: setup
setup: $(READY) profiles.yml ## Make the environment: .venv, DuckDB's extensions, profiles.yml

$(READY): requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: $(PYTHON) is older than 3.11; pass PYTHON=python3.11 or newer"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "error: $(PYTHON) cannot make environments; install python3-venv"; exit 1; }
	@echo "setting up .venv (about a minute, once)"
	@$(PYTHON) -m venv .venv
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
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

.PHONY: test
test: setup ## Run the tests that a change must pass (under 3 minutes)
	@$(PY) -m pytest -m "not slow and not aws"

.PHONY: test-all
test-all: setup ## Run every test that needs no second engine
	@$(PY) -m pytest -m "not aws"

.PHONY: test-aws
test-aws: setup setup-local-aws ## Run the project on Athena's engine, hold it against DuckDB, kill it (under 8 minutes)
	@.venv-local-aws/bin/python -m pytest --rootdir local_aws -c local_aws/tests/pytest.ini local_aws/tests
	@$(PY) -m pytest -n 0 -m aws

.PHONY: setup-local-aws
setup-local-aws: .venv-local-aws/ready ## Make the environment of the local AWS, and fetch Trino once (540 MB)

.venv-local-aws/ready: requirements/local_aws.txt
	@echo "setting up .venv-local-aws (about a minute, once)"
	@$(PYTHON) -m venv .venv-local-aws
	@.venv-local-aws/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/local_aws.txt
	@.venv-local-aws/bin/python -m local_aws --fetch-only
	@touch $@

.PHONY: local-aws
local-aws: setup-local-aws ## Start an AWS on 127.0.0.1: Athena on a real Trino, Glue, S3; Ctrl-C ends it
	@.venv-local-aws/bin/python -m local_aws --bucket tickerlake-results --bucket tickerlake-warehouse

.PHONY: dashboards
dashboards: setup .venv-superset/ready ## Show the dashboards in Superset on 127.0.0.1:8088 (PORT=), on what is published
	@.venv-superset/bin/python -m dashboards.serve --port $(or $(PORT),8088)

.venv-superset/ready: requirements/superset.txt
	@echo "setting up .venv-superset (two minutes, 800 MB, once)"
	@$(PYTHON) -m venv .venv-superset
	@.venv-superset/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/superset.txt
	@touch $@

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

.PHONY: check
check: export TICKERLAKE_LAKE := target/check
check: setup ## Lint, type-check and parse everything
	@.venv/bin/ruff check --quiet .
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/mypy --no-error-summary benchmarks dashboards loader local_aws pipeline seeds tests
	@.venv/bin/yamllint --strict .
	@mkdir -p $(TICKERLAKE_LAKE)
	@.venv/bin/sqlfluff lint --disable-progress-bar models tests/warehouse > target/sqlfluff.log 2>&1 || { cat target/sqlfluff.log; exit 1; }
	@.venv/bin/dbt --quiet parse --target aws --target-path target/aws
	@.venv/bin/dbt --quiet parse --target local
	@.venv/bin/dbt-bouncer run --config-file .dbt-bouncer.yml > target/bouncer.log 2>&1 || { cat target/bouncer.log; exit 1; }
	@$(PY) -m pytest -n 0 tests/test_project_rules.py > target/rules.log 2>&1 || { cat target/rules.log; exit 1; }
	@echo "check: all clean"

.PHONY: lock
lock: setup ## Renew requirements/*.txt from requirements/*.in
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header requirements/dev.in -o requirements/dev.txt
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header requirements/base.in -c requirements/dev.txt -o requirements/base.txt
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header requirements/local_aws.in -o requirements/local_aws.txt
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header requirements/superset.in -o requirements/superset.txt

.PHONY: seeds
seeds: setup ## Generate the exchange calendars again
	@$(PY) seeds/generate_exchange_exceptions.py

.PHONY: clean
clean: ## Remove the environment and what builds leave behind (not the lake)
	@rm -rf .venv target logs .mypy_cache .ruff_cache
