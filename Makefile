# Carina's chores. `make demo` and `make test` are all that a fresh machine needs: Python 3.11 and make.

PYTHON ?= python3.11
TORCH_VERSION := 2.13.0
TORCH_CPU_INDEX ?= https://download.pytorch.org/whl/cpu
BIN := .venv/bin
SERVE_BIN := .venv-serve/bin
LOCKS := requirements/serve.lock requirements/run.lock requirements/dev.lock
REAL_FILMS := ../shared/data/covid-dataset/Train
SMALL_TRAINING := --set input.height=64 --set input.width=64 --set train.epochs=4 --set train.precision=fp32 \
	--set evaluate.resamples=200
DENSE_TRAINING := --recipe densenet121 --set network.weights=none --set train.epochs=2 --set train.precision=fp32 \
	--set evaluate.resamples=200
PROJECT := pip install --quiet --no-deps --no-build-isolation -e .
LOCKED := pip install --quiet --no-deps --require-hashes -r

.DEFAULT_GOAL := help
.PHONY: help demo test check nightly lint types docs lock format clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: .venv/run.stamp  ## the whole job on synthetic films: audit, train, evaluate, report, predict
	$(BIN)/carina demo

test: .venv/dev.stamp .venv-serve/serve.stamp  ## everything quick, under five minutes
	$(BIN)/python -m pytest -n 2 --dist loadscope -m "not slow and not real_films" tests

check: format-check lint types test  ## what CI runs: format, lint, types, imports, all tests, the real films
	$(BIN)/python -m pytest -n 2 --dist loadscope -m "(slow or real_films) and not nightly" tests
	$(BIN)/python tests/on_other_pythons.py

nightly: .venv/dev.stamp .venv-serve/serve.stamp  ## every test in one run, for machines with time
	CARINA_EXAMPLES=new $(BIN)/python -m pytest -n 2 --dist loadscope tests
	$(BIN)/python benchmarks/coverage.py --studies 2000 --draws 0 --out tmp/coverage.jsonl --chosen
	$(BIN)/python benchmarks/hostile_films.py --worker 200000 --http 20000 --command 2000
	$(BIN)/python benchmarks/memory_peak.py --append tmp/memory.jsonl
	@if [ -d $(REAL_FILMS) ]; then \
		$(BIN)/python benchmarks/kills.py $(REAL_FILMS) --few 20 --kills 200 $(SMALL_TRAINING) --append tmp/kills.jsonl && \
		$(BIN)/python benchmarks/kills.py $(REAL_FILMS) --few 8 --kills 1 $(DENSE_TRAINING) --append tmp/kills-dense.jsonl && \
		$(BIN)/python benchmarks/disk_faults.py $(REAL_FILMS) --few 12 --power-cuts 20 --full-disks 20 $(SMALL_TRAINING) \
			--append tmp/disk.jsonl && \
		$(BIN)/python benchmarks/disk_faults.py $(REAL_FILMS) --few 8 --power-cuts 1 --full-disks 1 $(DENSE_TRAINING) \
			--scratch tmp/disk-dense --append tmp/disk-dense.jsonl; \
	fi

.PHONY: format-check
format-check: .venv/dev.stamp
	$(BIN)/ruff format --check src tests benchmarks docs

lint: .venv/dev.stamp  ## ruff and the import order
	$(BIN)/ruff check src tests benchmarks docs
	$(BIN)/lint-imports

types: .venv/dev.stamp  ## mypy
	$(BIN)/mypy

docs: .venv/dev.stamp  ## write the generated pages of docs/reference
	$(BIN)/python docs/generate.py

format: .venv/dev.stamp  ## format and sort imports
	$(BIN)/ruff check --fix --select I src tests benchmarks docs
	$(BIN)/ruff format src tests benchmarks docs

COMPILE := $(BIN)/uv pip compile --quiet --no-header --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --override requirements/without-torch.override

lock: .venv/dev.stamp  ## resolve the three lock files again
	$(COMPILE) pyproject.toml requirements/build.in --extra study --extra web -o requirements/serve.lock
	$(COMPILE) pyproject.toml requirements/build.in requirements/beside-torch.in --extra train --extra web \
		-c requirements/serve.lock -o requirements/run.lock
	$(COMPILE) pyproject.toml requirements/build.in requirements/beside-torch.in --extra train --extra web \
		--extra cluster --extra denoise --extra dicom --extra keras --extra openvino --extra sign --extra tune \
		--group dev \
		-c requirements/run.lock -o requirements/dev.lock

clean:  ## remove the environments and what the tools left
	rm -rf .venv .venv-serve .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# The environments. dev contains run contains serve; a stamp says what is installed.
.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/torch-$(TORCH_VERSION).stamp: .venv/bin/python
	@if [ "$$(uname -s)" = Linux ] && ! command -v nvidia-smi >/dev/null 2>&1; then \
		$(BIN)/pip install --quiet --no-deps torch==$(TORCH_VERSION)+cpu || \
		$(BIN)/pip install --quiet --no-deps --retries 0 --index-url $(TORCH_CPU_INDEX) torch==$(TORCH_VERSION)+cpu; \
	elif [ "$$(uname -s)" = Darwin ]; then \
		$(BIN)/pip install --quiet --no-deps torch==$(TORCH_VERSION); \
	else \
		$(BIN)/pip install --quiet torch==$(TORCH_VERSION); \
	fi
	@touch $@

.venv/run.stamp: .venv/torch-$(TORCH_VERSION).stamp pyproject.toml requirements/run.lock
	$(BIN)/$(LOCKED) requirements/run.lock
	$(BIN)/$(PROJECT)
	$(BIN)/pip check
	@touch $@

.venv/dev.stamp: .venv/torch-$(TORCH_VERSION).stamp pyproject.toml requirements/dev.lock
	$(BIN)/$(LOCKED) requirements/dev.lock
	$(BIN)/$(PROJECT)
	$(BIN)/pip check
	@touch $@ .venv/run.stamp

.venv-serve/serve.stamp: pyproject.toml requirements/serve.lock
	$(PYTHON) -m venv .venv-serve
	$(SERVE_BIN)/$(LOCKED) requirements/serve.lock
	$(SERVE_BIN)/$(PROJECT)
	$(SERVE_BIN)/pip check
	@touch $@
