# Needs Python 3.11 or later and make; everything else comes into .venv.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV ?= .venv
BIN := $(VENV)/bin
export PYTHONUTF8 = 1

.PHONY: demo serve install test test-sqlite test-postgres test-train check bench doctor clean
.DEFAULT_GOAL := demo

demo: $(VENV)/run.stamp  ## serve with a demo project and accounts, ready to label
	@exec $(BIN)/python manage.py demo

serve: $(VENV)/run.stamp  ## migrations, web server, one worker
	@exec $(BIN)/python manage.py serve

install: $(VENV)/run.stamp  ## packages and messages, for a service (docs/operations.md)
	@$(BIN)/python -c 'import pathlib; from core import catalogues; catalogues.compile_stale(pathlib.Path("locale"))'

doctor: $(VENV)/run.stamp  ## what is configured, reachable, missing
	@$(BIN)/python manage.py doctor

test: $(VENV)/dev.stamp  ## everything but the trainers: on SQLite, then on PostgreSQL and Redis; installs these where it may
	@sh tests/machine.sh
	@VENV=$(VENV) sh tests/run.sh all

test-sqlite: $(VENV)/dev.stamp
	@VENV=$(VENV) sh tests/run.sh sqlite

test-postgres: $(VENV)/dev.stamp
	@VENV=$(VENV) sh tests/run.sh postgres

test-train: $(VENV)/made.stamp  ## the real TRL trainers, in an environment of their own
	@sh tests/machine.sh
	@PYTHON="$(PYTHON)" sh tests/train/run.sh

check: $(VENV)/dev.stamp  ## style, types, migrations, templates, translations, architecture
	@VENV=$(VENV) sh tests/check.sh

bench: $(VENV)/dev.stamp  ## figures against floors measured in the same run
	@VENV=$(VENV) sh benchmarks/run.sh

clean:  ## forget the environments and caches; DATA_DIR stays
	rm -rf $(VENV) .venv-train .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment is made once, and brought up to date only when the requirements change.
$(VENV)/made.stamp:
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh config/venv.sh make
	@touch $@

$(VENV)/run.stamp: requirements.txt | $(VENV)/made.stamp
	@echo "Installing what Touchstone needs (once; about 700 MB on disk) …"
	@VENV="$(VENV)" sh config/venv.sh install requirements.txt
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt $(VENV)/run.stamp
	@echo "Installing what the tests need …"
	@VENV="$(VENV)" sh config/venv.sh install requirements-dev.txt
	@touch $@
