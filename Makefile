# Everything runs in .venv, made from the exact versions in constraints.txt. The plain commands are in the README.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.PHONY: train test test-all lint docs check-gpu

train: .venv/ready
	$(BIN)/python scripts/train.py $(ARGS)

test: .venv/ready
	$(BIN)/python -m pytest -n 2 $(ARGS)

test-all: .venv/ready
	$(BIN)/python -m pytest -n 2 -m "slow or not slow" $(ARGS)

lint: .venv/ready
	$(BIN)/ruff format --check src benchmarks scripts tests docs/building docs/early_stop.py notebooks
	$(BIN)/ruff check src benchmarks scripts tests docs/building docs/early_stop.py notebooks
	$(BIN)/pyright --project pyproject.toml

# the site, in site/: the notebooks are run for it, and a warning is an error
docs: .venv/docs-ready
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

check-gpu: .venv/ready
	scripts/check_gpu.sh $(ARGS)

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -c constraints.txt -e ".[dev]"
	touch $@

.venv/docs-ready: .venv/ready
	$(BIN)/python -m pip install -c constraints.txt -e ".[docs]"
	touch $@
