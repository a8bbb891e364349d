# `make demo` and `make test` need nothing but Python 3.10 to 3.13: they create .venv on first use.
# Without an NVIDIA GPU, `make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu` saves the CUDA libraries.
PYTHON ?= python3
VENV ?= .venv
TORCH_INDEX ?=
DEVICE ?= auto
CASES ?=
EXPORT ?= my.safetensors

BIN := $(if $(filter Windows_NT,$(OS)),$(VENV)/Scripts,$(VENV)/bin)
INSTALLED := $(VENV)/.installed

.PHONY: demo test lint bench compare-demo torture cohort-demo train clean
.DEFAULT_GOAL := demo

# torch comes first and alone, so that the build chosen here is the one that all other packages find.
$(INSTALLED): pyproject.toml setup.py constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

demo: $(INSTALLED)
	$(BIN)/python -m ICHHPINetLib demo --output demo --device $(DEVICE)

# Files in their own order: by their number of tests, the longest of few tests would come last, to one core alone.
test: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy

bench: $(INSTALLED)
	$(BIN)/python Testing/benchmarks/bench_round.py --device $(DEVICE)

# Some minutes: a tiny network of each method of Table 1 learns one slice of a phantom.
compare-demo: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/python Testing/benchmarks/compare_demo.py

# Minutes of attacks; renews the table of docs/reliability.md.
torture: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/python -m Testing.torture

# A registry of 200 phantoms on one worker, on two, and on two of which one is killed; renews docs/scaling.md.
cohort-demo: $(INSTALLED)
	rm -rf demo/cohort/200/one demo/cohort/200/both demo/cohort/200/killed
	OMP_NUM_THREADS=1 $(BIN)/python -m Testing.cohort_demo

train: $(INSTALLED)
	$(if $(CASES),,$(error name the cases: make train CASES=FOLDER))
	$(BIN)/python -m ICHHPINetLib train --cases $(CASES) --device $(DEVICE) --export $(EXPORT)

clean:
	rm -rf $(VENV) demo build *.egg-info
