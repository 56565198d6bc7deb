# The one door. `make help` lists what there is.
SHELL := /bin/bash
PYTHON ?= $(firstword $(foreach one,python3.11 python3.12 python3.13 python3.14 python3,$(if $(shell command -v $(one) >/dev/null 2>&1 && $(one) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo yes),$(one))))
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
DATA ?= demo-data
UP ?=

.DEFAULT_GOAL := help
.PHONY: help run city setup services check test fix bench bench-city soak page docs constraints clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.run ## start a demonstration village; it prints the desk's address
	@$(BIN)/carebell up --demo --data $(DATA) $(UP)

city: setup services ## start a whole city on this machine: real servers, two of each process, a desk; until Ctrl-C
	@$(BIN)/python -m tests.support.city

test: setup services ## install what is needed and run everything
	@$(MAKE) --no-print-directory lint
	@$(BIN)/pytest

check: setup lint ## the fast part: format, lint, types, import rules, tests that start no servers
	@$(BIN)/pytest -q -m "not integration"

.PHONY: lint
lint: $(VENV)/.dev
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo >/dev/null || $(BIN)/lint-imports

fix: setup ## format and mend what can be mended
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

bench: setup services ## measure; prints ratios to a bare baseline of the same run
	@$(BIN)/python -m bench

bench-city: setup services ## the same for a city of processes over Kafka and Redis; takes minutes
	@$(BIN)/python -m bench.city $(ONLY:%=--only %)

soak: setup services ## a million strange messages, then a city under fire for about half an hour
	@$(BIN)/python -m tests.support.fuzz
	@$(BIN)/python -m tests.support.ordeal

page: setup ## compile the desk page from TypeScript
	@$(BIN)/python -m tests.support.page

docs: setup ## write the documents that are generated
	@$(BIN)/python -m deploy.asyncapi > docs/asyncapi.yaml
	@$(BIN)/python -m tests.support.devices_page > docs/devices.md

setup: $(VENV)/.dev ## the virtual environment with everything for development

services: $(VENV)/.dev ## the servers and the browser that the tests need
	@$(BIN)/python -m tests.support.install

constraints: ## pin anew what pyproject.toml allows
	@rm -rf .cache/pins && $(PYTHON) -m venv .cache/pins && .cache/pins/bin/pip -q install hatchling editables -e '.[dev,train]'
	@.cache/pins/bin/pip freeze --exclude-editable | grep -v '^carebell' > constraints.txt

clean: ## remove what was made; not the data of the demonstration
	@rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "carebell needs Python 3.11 or newer; none was found" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "this Python cannot make virtual environments; on Debian: apt install python3-venv" >&2; rm -rf $(VENV); exit 1; }

$(VENV)/.run: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing (once) …"
	@PIP_CONSTRAINT=constraints.txt $(PIP) --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing for development (once): a minute or two …"
	@PIP_CONSTRAINT=constraints.txt $(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.run
