# What continuous integration runs, and what a person types. `make` alone prints what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

PYTHON ?= $(shell for name in python3 python3.11 python3.12 python3.13 python3.14; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$name" && break; done)
VENV := .venv
BIN := $(VENV)/bin
# Which ONNX Runtime is installed: cpu or gpu. They carry the same module, so never both.
RUNTIME ?= cpu
OTHER_RUNTIME := $(if $(filter gpu,$(RUNTIME)),onnxruntime,onnxruntime-gpu)
SERVES := $(VENV)/.serves-$(RUNTIME)
DEVELOPS := $(VENV)/.develops-$(RUNTIME)
ROUNDS ?= 200
# So many processes share out the tests, file by file; what a test waits for leaves their cores to the others.
WORKERS ?= 2

.PHONY: help
help:  ## print this
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(SERVES)  ## build .venv with all that serves on a CPU (RUNTIME=gpu: on a GPU)

.PHONY: test
test: $(DEVELOPS) java prometheus chromium sqlite  ## run every test; what needs a server starts it
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --durations 15 $(ARGS)

.PHONY: lint
lint: $(DEVELOPS)  ## ruff, mypy and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: $(DEVELOPS)  ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: demo
demo: $(SERVES)  ## three weeks of invented news and a bank run, to an alert with its evidence
	$(BIN)/python -m deploy.demo.run

.PHONY: kafka
kafka: java  ## start a real Apache Kafka on 127.0.0.1 and stay with it
	$(PYTHON) deploy/kafka/run.py $(ARGS)

.PHONY: chaos
chaos: $(DEVELOPS) java  ## kill processes at random and compare (ROUNDS=200; the tests do 10)
	BELLWETHER_CHAOS_ROUNDS=$(ROUNDS) $(BIN)/python -m pytest tests/promises/test_exactly_once.py $(ARGS)

.PHONY: bench-pipeline
bench-pipeline: $(DEVELOPS) java  ## measure the way from Kafka to scores beside others (OUT=FILE)
	@[ -n "$(OUT)" ] || { echo "Say where the figures go: make bench-pipeline OUT=FILE" >&2; exit 2; }
	$(BIN)/python -m benchmarks.pipeline --out "$(OUT)" $(ARGS)

.PHONY: schema
schema: $(SERVES)  ## write the JSON Schema of a document to docs/
	$(BIN)/bellwether schema > docs/document.schema.json

.PHONY: constraints
constraints: $(VENV)/.uv  ## resolve all dependencies anew into constraints.txt
	$(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --all-extras \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links --output-file constraints.txt pyproject.toml

.PHONY: clean
clean:  ## remove the environment, caches and what the demo left
	rm -rf $(VENV) .cache .data/demo dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment. A stamp file says what is installed, so that a second call does nothing.

# uv installs the training environment in half a minute, an old pip in many.
UV = $(shell uv --version >/dev/null 2>&1 && echo uv || echo $(BIN)/uv)

$(VENV)/.made:
	@[ -n "$(PYTHON)" ] || { echo "Bellwether needs Python 3.11 or newer: install it, or say PYTHON=/path/to/python." >&2; exit 2; }
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV) >/dev/null || { $(call debian,python3-venv) && $(PYTHON) -m venv --clear $(VENV); } || \
		{ rm -rf $(VENV); echo "Python's venv module is missing: install it (Debian: python3-venv)." >&2; exit 2; }
	@touch $@

$(VENV)/.uv: $(VENV)/.made
	@uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@touch $@

$(SERVES): pyproject.toml constraints.txt $(VENV)/.uv
	@echo "installing what serves into $(VENV) ($(RUNTIME))"
	@rm -f $(VENV)/.serves-* $(VENV)/.develops-*
	@$(UV) pip uninstall --quiet --python $(BIN)/python $(OTHER_RUNTIME) 2>/dev/null || true
	@$(UV) pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '.[$(RUNTIME)]'
	@touch $@

$(DEVELOPS): $(SERVES)
	@echo "installing what tests and trains into $(VENV)"
	@$(UV) pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '.[$(RUNTIME),dev,train]'
	@touch $@

# Install Debian packages, where that is possible.
debian = [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(1) >/dev/null

.PHONY: java
java:  # Kafka needs a Java runtime (17 or newer), and Maven for the first download
	@{ command -v java || [ -x "$${JAVA_HOME:-}/bin/java" ]; } >/dev/null && \
		{ command -v mvn || ls .cache/kafka/libs-*; } >/dev/null 2>&1 || { $(call debian,default-jre-headless maven); } || \
		{ echo "A local Kafka needs Java 17 or newer and Maven: install them (Debian: default-jre-headless maven)." >&2; exit 2; }

.PHONY: prometheus
prometheus:  # tests start Prometheus and Alertmanager themselves: Debian must not, so policy-rc.d forbids it meanwhile
	@{ command -v prometheus && command -v promtool && command -v prometheus-alertmanager && command -v amtool; } >/dev/null || \
		{ policy=/usr/sbin/policy-rc.d; [ -e $$policy ] || { trap 'rm -f $$policy' EXIT; \
		printf '#!/bin/sh\nexit 101\n' 2>/dev/null >$$policy && chmod +x $$policy; }; \
		$(call debian,prometheus prometheus-alertmanager); } || \
		{ echo "Tests need Prometheus and Alertmanager: install them (Debian: prometheus prometheus-alertmanager)." >&2; exit 2; }

.PHONY: chromium
chromium:  # the console is looked at in a real browser
	@{ command -v chromium && command -v chromedriver; } >/dev/null || { $(call debian,chromium chromium-driver fonts-noto-cjk); } || \
		{ echo "Tests need Chromium with its driver: install them (Debian: chromium chromium-driver)." >&2; exit 2; }

.PHONY: sqlite
sqlite:  # a backup is made and put back as the docs say, with SQLite's own command
	@command -v sqlite3 >/dev/null || { $(call debian,sqlite3); } || \
		{ echo "Tests need SQLite's command: install it (Debian: sqlite3)." >&2; exit 2; }
