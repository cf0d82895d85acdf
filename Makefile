# Every target makes the environment it needs, in .venv; a second call finds it and is quick.
# Python 3.11 or newer is needed: make PYTHON=python3.13 demo

PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable

.PHONY: help demo test check docs format clean

help:
	@echo "make demo    train a healthy and a faulty run, then report and compare them"
	@echo "make test    run the tests"
	@echo "make check   run the tests and every other check"
	@echo "make docs    write the generated pages anew"
	@echo "make format  lay the code out"
	@echo "make clean   remove what these made"

.venv/run.stamp: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "debugstore needs Python 3.11 or newer, $(PYTHON) is `$(PYTHON) --version 2>&1`: try make PYTHON=python3.13" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(INSTALL) '.[torch]'
	@touch $@

.venv/dev.stamp: .venv/run.stamp
	$(INSTALL) '.[dev]'
	@touch $@

demo: .venv/run.stamp
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/demo.sh

test: .venv/dev.stamp
	$(BIN)/python -m pytest --quiet --numprocesses=auto --dist=loadfile

check: .venv/dev.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --strict debugstore cli migrations
	$(BIN)/lint-imports
	for dialect in sqlite postgres; do \
		$(BIN)/sqlfluff lint --dialect $$dialect $(addprefix debugstore/sql/,diagnoses report compare totals) && \
		$(BIN)/sqlfluff lint --dialect $$dialect --templater python debugstore/sql/views || exit 1; \
	done
	$(BIN)/python docs/generate.py --check
	$(MAKE) test

docs: .venv/dev.stamp
	$(BIN)/python docs/generate.py

format: .venv/dev.stamp
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

clean:
	rm -rf .venv .demo build dist *.egg-info
