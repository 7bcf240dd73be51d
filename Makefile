# `make demo` and `make test` are all that a newcomer needs; both install what they use into .venv and node_modules.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := .cache/stamps
WEB_SOURCES := $(shell find web -type f -not -path '*/node_modules/*' 2>/dev/null) package.json package-lock.json

.PHONY: help setup setup-dev demo test fast bench docs lint lock web chromium schemathesis clean

help: ## what there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMPS)/python $(STAMPS)/node $(STAMPS)/web ## install what running needs into .venv and node_modules, build the front

setup-dev: setup $(STAMPS)/dev ## and what tests, benchmarks and documents need

# The versions of requirements.lock are those of requirements-dev.lock: the second installs more, never other.
$(STAMPS)/python: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Tocsin needs Python 3.11 or newer; $(PYTHON) is older. Set PYTHON=…"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/dev: $(STAMPS)/python requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/node: package.json package-lock.json
	@node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' || { echo "Tocsin needs Node 20 or newer."; exit 1; }
	npm ci --no-audit --no-fund --loglevel=error
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/web: $(STAMPS)/node $(WEB_SOURCES)
	npm run --silent build
	@mkdir -p $(STAMPS) && touch $@

web: $(STAMPS)/web ## build the front

demo: setup ## six months of real history, replayed and served
	$(BIN)/tocsin demo

lint: setup-dev ## style, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --cache-dir .cache/import-linter
	npm run --silent check

chromium: setup-dev ## find a browser for the tests, or install one
	@$(BIN)/python -m tests.browser.chromium

fast: setup-dev ## the lane for every save: under two minutes
	$(BIN)/python -m pytest -m "not slow and not browser" -n 2 --dist loadgroup -q

test: lint chromium ## everything
	npm test --silent
	$(BIN)/python -m pytest -n 2 --dist loadgroup
	$(BIN)/python -m pytest --doctest-modules src -q -p no:randomly

schemathesis: setup-dev ## requests made from the schema of the API, against the API
	$(BIN)/python -m pytest tests/api/test_schemathesis.py -q -p no:randomly

docs: setup-dev ## the documents, warnings as errors
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

bench: setup-dev ## what is measured, against whom, in one run
	$(BIN)/python -m benchmarks.store
	$(BIN)/python -m benchmarks.replay
	$(BIN)/python -m benchmarks.detect
	$(BIN)/python -m benchmarks.study
	$(BIN)/python -m benchmarks.farrington
	$(BIN)/python -m benchmarks.cap

# What a lock file holds stays at its version unless pyproject.toml forbids it; UPGRADE=--upgrade moves all.
LOCKER := .cache/locker
COMPILE = $(LOCKER)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-annotate $(UPGRADE) pyproject.toml
EXTRAS := build fast packs channels bench test docs
lock: ## make both lock files anew from pyproject.toml
	@test -x $(LOCKER)/bin/uv || { $(PYTHON) -m venv $(LOCKER) && $(LOCKER)/bin/pip install --quiet uv; }
	$(COMPILE) --extra build -o requirements.lock
	$(COMPILE) $(addprefix --extra ,$(EXTRAS)) -c requirements.lock -o requirements-dev.lock

clean: ## remove what make built
	rm -rf .cache .venv node_modules src/tocsin/static docs/_build
