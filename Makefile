# Everything that a person or a CI needs. Only make and Python 3.11+ have to be there.

PYTHON ?= python3
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/pip --disable-pip-version-check --no-input

COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --no-config --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock"

# Python keeps what it has compiled, also where the shell says otherwise: each process of a run of the tests would compile
# all modules again.
export PYTHONDONTWRITEBYTECODE :=

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help demo up test check bench chaos lock images clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s  %s\n", $$1, $$2 }' Makefile

demo: $(READY) ## Run everything and work sample tickets; ends by itself with ARGS="--exit --json"
	@$(BIN)/tierline demo $(ARGS)

up: $(READY) ## Run everything, without samples, and keep the data in .tierline
	@$(BIN)/tierline up $(ARGS)

test: $(READY) ## Run all tests but the long ones; those with ARGS="-m long"; some with ARGS="tests/unit -k clocks"
	@$(BIN)/python -m pytest -n 3 --dist worksteal $(or $(ARGS),-m "not long")

check: $(READY) ## Lint, format, types and the import rules of the house
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/mypy --config-file tests/mypy.ini
	@$(BIN)/lint-imports --no-logo

bench: $(READY) ## Measure cost per ticket, throughput and memory
	@$(BIN)/python -m bench $(ARGS)

chaos: $(READY) ## Kill and confuse it on purpose, and look for anything lost; ARGS="--help" says more
	@$(BIN)/python -m chaos $(ARGS)

lock: $(READY) ## Write both lock files anew from pyproject.toml (needs the network)
	@$(COMPILE) --all-extras --group dev --upgrade --output-file requirements.lock
	@$(COMPILE) --extra otel --group build --constraint requirements.lock --output-file requirements.image.lock

images: $(READY) ## Compare pinned images with their registries (needs the network); take theirs with ARGS=--write
	@$(BIN)/python deploy/images.py $(ARGS)

clean: ## Remove the virtual environment and caches; the data in .tierline stays
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The virtual environment, made again from nothing by its first use and brought up to date when the lock changes.
# All that it says goes to stderr: the stdout of `make demo ARGS=--json` is for programs.
$(READY): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null 2>&1 || \
		{ echo "Tierline needs Python 3.11 or newer, and there is no $(PYTHON): install it, or name it with make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Tierline needs Python 3.11 or newer, and $(PYTHON) is older: name another with make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "$(PYTHON) comes without venv: install it (on Debian and Ubuntu: apt-get install python3-venv)" >&2; exit 1; }
	@echo "Installing Tierline and its servers into $(VENV), once; this takes a minute or two" >&2
	@$(PYTHON) -m venv $(VENV) >&2
	@$(PIP) install -qq --require-hashes --requirement requirements.lock >&2
	@$(PIP) install -qq --no-deps --no-build-isolation --editable . >&2
	@touch $@
