# Two commands for a new machine: `make demo` and `make test`. Both set up .venv first (Python 3.11+, two to five minutes).
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt
export TOKENIZERS_PARALLELISM = false

.DEFAULT_GOAL := help
.PHONY: help setup demo unit test check format slow faults bench clean

help:  ## show this
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1	/' | expand -t 16

setup: $(VENV)/.ready  ## create the virtual environment with the pinned dependencies

# torch comes first: DeepSpeed's build asks for it, and its operators are not wanted (DS_BUILD_OPS=0).
$(VENV)/.ready: pyproject.toml constraints.txt
	@echo "setting up $(VENV) (two to five minutes)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=...")'
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) torch setuptools wheel
	@DS_BUILD_OPS=0 $(PIP) --no-build-isolation -e '.[dev]'
	@touch $@

demo: setup  ## run the demonstration sweep: three phases, six artificial languages, under six minutes on two cores
	@$(BIN)/xstilts run sweeps/demo.yaml

unit: setup  ## the tests without Ray, DeepSpeed and other programs: under two minutes on two cores
	@$(BIN)/python -m pytest -n 2 -m "not slow and not faults and not ray and not deepspeed and not programs"

test: setup  ## all tests, in two processes, and the ten slowest
	@$(BIN)/python -m pytest -n 2 --durations=10

check: setup  ## format, lint, types, import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup  ## fix what format and lint can fix
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

slow: setup  ## the full-size architecture (XLM-R Large, random weights) takes a few steps: minutes, 20 GB
	@$(BIN)/python -m pytest -m slow --override-ini addopts="-ra --strict-markers --import-mode=importlib"

faults: setup  ## a fault at every write of the store, then N=50 random ones in running sweeps: hours
	@$(BIN)/python -m pytest -s -m faults --override-ini addopts="-ra --strict-markers --import-mode=importlib"
	@$(BIN)/python -m tests.faults $(N)

bench: setup  ## one table of all that is claimed of speed: a quarter of an hour on two idle cores; QUICK=1: three minutes
	@$(BIN)/python tests/benchmarks/bench.py $(if $(QUICK),--quick)

clean:  ## remove the environment and what the demonstration made
	rm -rf $(VENV) runs
