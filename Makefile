# The only commands anyone needs. `make` alone lists them.
#   make setup PYTHON=/path/to/python3.12     choose the interpreter
#   make test PYTEST_ARGS="-k period -x"      pass something to pytest; JOBS=0 in one process

SHELL := /bin/sh
BIN := .venv/bin
# Two workers, a test file stays on one: half the tests wait for the database server. tests/conftest.py puts the slow
# files first; without the option those with few tests, however long, would come last.
JOBS ?= 2
PYTEST := $(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)
# Compiled modules are kept: pytest rewrites hundreds of files in each worker, ten seconds a time, unless it finds them.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo up test test-fast test-system lint fmt bench clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## make .venv from uv.lock (needs only Python 3.11-3.13; quick when nothing changed)
	@PYTHON='$(PYTHON)' sh scripts/setup

demo: setup ## simulate a town, take its files in, compute, alert, deliver the newest month
	@$(BIN)/qxmonitor demo

up: setup ## keep the scheduler and its pages running on this machine, until Ctrl-C
	@$(BIN)/qxmonitor up

test: lint ## lint, types, import contracts and all tests but the long and the system ones
	$(PYTEST) -m "not system and not long"

test-fast: setup ## the quick tests: nothing slow, nothing of the system
	$(PYTEST) -m "not slow and not system and not long"

test-system: setup ## the long tests; those with LibreOffice, Postfix, sshd, Chromium (scripts/system-deps installs them)
	$(PYTEST) -m "long or system" --ignore=tests/system
	$(BIN)/pytest -m system tests/system $(PYTEST_ARGS)

lint: setup ## ruff, mypy --strict and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: setup ## format the code and mend what ruff can mend
	$(BIN)/ruff check --fix-only --exit-zero .
	$(BIN)/ruff format .

bench: setup ## the speed figures of docs/benchmarks.md, on this machine
	$(BIN)/qxmonitor bench --scale town

clean: ## remove .venv and the caches; ./var (warehouse, documents, outbox) stays
	rm -rf .venv .venv-uv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
