# `make demo` and `make test` need Python 3.11 or newer (with venv and pip) and nothing else; the rest follows from them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
EXTRAS := gcp,s3,train,dev
OUTPUT ?= output
RUN ?= runs/smoke
TEST_WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help install demo test acceptance gpu lint format constraints clean

help:  ## say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP)  ## create .venv with the pinned versions of constraints.txt

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "make: $$($(PYTHON) --version) found, Python 3.11 or newer wanted; try make PYTHON=python3.11" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -c 'import ensurepip, venv' \
		|| { echo "make: $(PYTHON) lacks venv or ensurepip; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	@echo "make: installing into $(VENV), which takes a few minutes"
	$(BIN)/pip install --disable-pip-version-check --quiet --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@touch $@

demo: $(STAMP)  ## build the smoke mix from the bundled data, then train a few steps on it
	$(BIN)/python -m pipelines.build_mix mixes/smoke.yaml --output $(OUTPUT)
	$(BIN)/python trainer/run.py trainer/configs/smoke.yaml --mix $(OUTPUT)/mixes/smoke --output $(RUN)
	@echo "report of the mix: $(OUTPUT)/mixes/smoke/report.html"
	@echo "report of the run: $(RUN)/report.html"

test: $(STAMP)  ## run the tests
	$(BIN)/python -m pipelines.warm_up  # else both workers would compile the same kernels
	$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist worksteal

acceptance: $(STAMP)  ## let other projects read exports of the smoke mix, and build it in emulated stores; installs below build/
	$(BIN)/python -m tests.acceptance.exports
	$(BIN)/python -m tests.acceptance.stores

gpu: $(if $(GPU_PYTHON),,$(STAMP))  ## test and measure on a GPU, in under 10 minutes; GPU_PYTHON=python3 takes that Python as it is
	$(or $(GPU_PYTHON),$(BIN)/python) -m pytest -m gpu tests/trainer/test_gpu.py
	$(or $(GPU_PYTHON),$(BIN)/python) benchmarks/train_gpu.py

lint: $(STAMP)  ## check form, style and types
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

format: $(STAMP)  ## mend what ruff can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

constraints:  ## pin the newest versions that fit pyproject.toml, in an environment of their own
	$(PYTHON) -m venv --clear build/constraints
	build/constraints/bin/pip install --disable-pip-version-check --quiet '.[gcp,s3,train,wandb,dev]'
	{ sed -n '/^#/p' constraints.txt; build/constraints/bin/pip freeze --all --exclude pip --exclude gristmill \
		| sed 's/+[a-z0-9.]*$$//; s/^google-apitools==.*/&; python_version < "3.13"/' | LC_ALL=C sort -f; } > build/constraints.txt
	mv build/constraints.txt constraints.txt

clean:  ## remove the environment and everything that was built
	rm -rf $(VENV) build dist *.egg-info $(OUTPUT) runs .pytest_cache .mypy_cache .ruff_cache .hypothesis .cache
	find . -name __pycache__ -prune -exec rm -rf {} +
