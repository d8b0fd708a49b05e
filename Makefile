# Everything runs in .venv, made from the exact versions in constraints.txt. The plain commands are in the README.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.PHONY: train test test-all lint check-gpu

train: .venv/ready
	$(BIN)/python scripts/train.py $(ARGS)

test: .venv/ready
	$(BIN)/python -m pytest -n 2 $(ARGS)

test-all: .venv/ready
	$(BIN)/python -m pytest -n 2 -m "slow or not slow" $(ARGS)

lint: .venv/ready
	$(BIN)/ruff format --check src benchmarks scripts tests
	$(BIN)/ruff check src benchmarks scripts tests
	$(BIN)/pyright --project pyproject.toml

check-gpu: .venv/ready
	scripts/check_gpu.sh $(ARGS)

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -c constraints.txt -e ".[dev]"
	touch $@
