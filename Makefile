# make run    set up everything and start the reception on embedded defaults
# make test   set up everything and pass every test
# make check  ruff, mypy, import contracts
# make bench  measure; PART=name picks a file of tests/bench (engine, sip, asterisk, webhooks, ...)
# make heard  speak every prompt and hear it again with a speech model; a report (fetches 150 MB once)
# make fuzz   ten minutes of mutation fuzzing
# make soak   a minute of 50 calls a second from sipp, then 200,000 short calls; session timers of Teams
# make images build the images of docker/ and call the house in every compose profile; needs docker or podman
# make lock   renew the lock files
# PYTHON=python3.13 after any of these takes that interpreter, in an environment of its own (.venv-python3.13)
SHELL := /bin/bash
.DEFAULT_GOAL := help
# an interpreter that was asked for by name must not find the environment of another one
VENV ?= .venv$(if $(filter command%,$(origin PYTHON)),-$(notdir $(PYTHON)))
PY := $(VENV)/bin/python
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3.14 python3; do \
  command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
ARGS ?=
PART ?=
PYTEST_ARGS ?=

.PHONY: help run test check bench heard fuzz images lock system-packages clean

help:
	@sed -n -e 's/^# make/make/p' -e 's/^# PYTHON/PYTHON/p' Makefile

$(VENV)/.runtime: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed / Python ab 3.11 wird gebraucht"; exit 1; }
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

run: $(VENV)/.runtime
	$(VENV)/bin/rufweiche serve --data var/data --config config $(ARGS)

system-packages:
	@bash tests/support/system_packages.sh

test: $(VENV)/.dev system-packages
	@# the Debian root with Asterisk takes a minute: it is built beside the checks, and who needs it waits for its lock
	@bash tests/support/asterisk_root.sh >/dev/null 2>&1 & $(MAKE) --no-print-directory check
	@# two workers; tests/conftest.py tells which rooms stay together
	$(PY) -m pytest --numprocesses 2 --dist loadgroup $(PYTEST_ARGS)

check: $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

bench: $(VENV)/.dev
	$(PY) -m tests.bench $(PART)

heard: $(VENV)/.dev
	$(PY) -m pip install --quiet --disable-pip-version-check --no-build-isolation -e ".[speech-report]"
	$(PY) -m tests.heard

fuzz: $(VENV)/.dev
	$(PY) -m tests.fuzz

soak: $(VENV)/.dev
	$(PY) -m tests.sip.rush
	$(PY) -m tests.bench.sip soak
	$(PY) -m pytest tests/asterisk/teams/refresh.py

images: $(VENV)/.dev
	docker/build.sh $(ARGS)
	$(PY) -m pytest $(PYTEST_ARGS) tests/images/check_*.py

lock: $(VENV)/.dev
	$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --no-header --no-annotate pyproject.toml --extra build -o requirements.lock
	$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --no-header --no-annotate pyproject.toml --extra build --extra dev -o requirements-dev.lock

clean:
	rm -rf .venv .venv-* var/data .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
