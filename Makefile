# Facette in five commands. Each makes or refreshes the environment it needs first.
#   make app     open Facette in the browser
#   make test    run every test            (make test ARGS="-k hog" runs some)
#   make check   lint, formatting, types, and the direction of imports
#   make bench   measure speed and quality
#   make lock    renew requirements.txt and requirements-test.txt from pyproject.toml (needs uv)
# VENV=folder uses another environment, PYTHON=program another Python (3.11, 3.12 or 3.13).

VENV ?= .venv
PYTHON ?=
ARGS ?=
UV := $(shell uv --version >/dev/null 2>&1 && echo uv)
BIN := $(VENV)/bin
COMPILE := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--fork-strategy fewest \
	--custom-compile-command "make lock" --quiet

.PHONY: app test check bench lock
.DEFAULT_GOAL := app

app: $(VENV)/.installed-app
	$(BIN)/python -m streamlit run app.py $(ARGS)

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

check: $(VENV)/.installed-test
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py

bench: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks $(ARGS)

lock:
	@uv --version >/dev/null 2>&1 || { echo "make lock needs uv: pip install uv" >&2; exit 1; }
	$(COMPILE) --upgrade --extra test --output-file requirements-test.txt
	$(COMPILE) --upgrade --constraint requirements-test.txt --output-file requirements.txt

# An environment is made once; it is filled again whenever a lock file is newer than its stamp.
$(VENV)/.installed-app: requirements.txt | $(BIN)/python
	$(call install,requirements.txt)
	@touch $@

$(VENV)/.installed-test: requirements-test.txt | $(BIN)/python
	$(call install,requirements-test.txt)
	@touch $@ $(VENV)/.installed-app

# Without compiled byte code the first start of the app would take three times as long.
ifeq ($(UV),uv)
install = uv pip install --python $(BIN)/python --compile-bytecode --requirements $(1)
else
install = $(BIN)/python -m pip install --disable-pip-version-check --requirement $(1)
endif

# The first of PYTHON, or else python3, python3.13, … that runs and is 3.11 to 3.13.
RIGHT := import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
ifneq ($(UV),uv)
RIGHT := import ensurepip; $(RIGHT)
endif
$(BIN)/python:
	@for python in $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python); do \
		if "$$python" -c "$(RIGHT)" >/dev/null 2>&1; then found=$$python; break; fi; \
	done; \
	if [ -n "$$found" ]; then \
		echo "Making $(VENV) with $$("$$found" --version)"; \
		$(if $(UV),uv venv --quiet --python "$$("$$found" -c "import sys; print(sys.executable)")" "$(VENV)",\
			"$$found" -m venv "$(VENV)"); \
	else \
		echo "Facette needs Python 3.11, 3.12 or 3.13 with its venv module, and found" \
			"none$(if $(PYTHON), in PYTHON=$(PYTHON)). Install one (on Debian or Ubuntu:" \
			"apt install python3 python3-venv), or name one: make app PYTHON=/path/to/python3.12" >&2; \
		exit 1; \
	fi
