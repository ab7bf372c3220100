# Commands for users and developers. Everything runs in .venv, installed from requirements.lock.

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# One job at a time may use the GPU: every job takes the first GPU it sees, and --cores alone starts one per core.
GPU := $(shell nvidia-smi -L 2>/dev/null | grep -m 1 ^GPU)
SNAKEMAKE := $(BIN)/snakemake --cores all $(if $(GPU),--resources gpu=1)
NEWER := Python 3.11 or newer is needed, but $(PYTHON) is %d.%d: say which, as in make PYTHON=python3.12

.PHONY: demo test test-cluster lint bench

demo: $(READY) ## run the default study on real digits and print where the results are
	$(SNAKEMAKE) --quiet rules
	@if [ ! -e results/report.zip ] || find results/digits/figures results/digits/tables -newer results/report.zip | grep -q .; then \
		$(SNAKEMAKE) --quiet --report results/report.zip; fi
	@echo
	@echo "figures  results/digits/figures/   (PDF and PNG)"
	@echo "tables   results/digits/tables/    (Parquet, and the same as CSV)"
	@echo "claims   results/digits/tables/claims.csv"
	@echo "explorer results/digits/explore.html"
	@echo "report   results/report.zip        (unpack, open report.html)"
	@echo "for more  . .venv/bin/activate      (puts snakemake on the PATH)"

test: $(READY) ## every test that needs no Slurm
	$(BIN)/python -m pytest

test-cluster: $(READY) ## fault tests, and the slurm profile on a real Slurm; writes docs/reliability.md; needs root, and Debian with slurmctld slurmd slurm-client slurmdbd munge mariadb-server
	$(BIN)/python -m pytest -m "fault and not cluster" --reliability=docs/reliability.md
	nice $(BIN)/python -m pytest -m cluster tests/slurm --reliability=docs/reliability.md

lint: $(READY) ## style, types, formatting of rules, Snakemake's own checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=workflow $(BIN)/lint-imports --no-logo
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/python -m pytest --quiet tests/workflow/test_lint.py

bench: $(READY) ## speed against plain code and public packages; writes docs/performance.md
	$(BIN)/python -m pip install --quiet --requirement benchmarks/requirements.txt
	PYTHONPATH=workflow $(BIN)/python benchmarks/page.py

$(READY): requirements.lock
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit("$(NEWER)" % v if v < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	touch $@
