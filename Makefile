# `make` lists what there is. Every target sets up what it needs; setting up again costs nothing.

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint check bench soak mutate docs lock

BIN := .venv/bin
PYTHON_PATHS := src tests tools $(wildcard bench examples)
TYPED_PATHS := src tests tools $(wildcard bench)
WORKERS ?= 2

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## bring up .venv and, as root, the Debian packages of the tests
	@tools/setup

demo: setup ## a real web application from Git: served, killed, healed, deployed, rolled back
	@$(BIN)/holdfast demo

test: setup ## all tests but the slow ones, real systems included; builds a Kubernetes control plane once
	@tools/setup --cluster --pm2
	@$(BIN)/pytest -m "not slow" -n $(WORKERS) --dist loadfile

lint: setup
	@$(BIN)/ruff format --check $(PYTHON_PATHS)
	@$(BIN)/ruff check $(PYTHON_PATHS)
	@$(BIN)/mypy $(TYPED_PATHS)
	@$(BIN)/lint-imports --no-logo

check: lint ## format, lint, types, import contracts, fast tests: under a minute
	@$(BIN)/pytest -q -m "not real and not simulation and not slow" -n $(WORKERS) --dist loadfile

bench: ## measure, with peers where they are installed; JSON on stdout
	@tools/setup --bench
	@$(BIN)/python bench/all.py

soak: setup ## the slow tests, and the simulator with many more seeds, and the readers with much more broken input
	@HOLDFAST_SOAK=1 $(BIN)/pytest -m "slow or simulation or fuzz"

mutate: ## change core and kit in thousands of small ways, on a copy, and see that the tests notice: an hour or two
	@tools/setup --mutate
	@build/mutate/venv/bin/python tools/mutate.py $(MUTANTS)

docs: setup ## write the pages of docs/reference that are made from the source
	@for tool in tools/reference*.py; do $(BIN)/python "$$tool" || exit; done

lock: setup ## write requirements/*.txt anew from pyproject.toml
	@tools/lock
