# Two commands need nothing but Python 3.11+, git and a network that reaches the package registries: make demo, make test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO := demo
WORKERS ?= 3
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

# Some hundred processes start in the suite: without kept bytecode each of them would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install demo test test-all test-security lint docs constraints requirements audit browser bubblewrap clean

help:
	@echo "make demo      release a sample package through all eleven steps, in a sandbox on this machine"
	@echo "make test      lint, types and the test suite"
	@echo "make test-all  the same, with the slow tests"
	@echo "make docs      write the generated parts of docs/ anew"
	@echo "make audit     look for known advisories of the dependencies"

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Lockgate needs Python 3.11 or newer: make PYTHON=python3.11 …")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable . --group dev
	@touch $@

demo: $(STAMP)
	@$(BIN)/python -m cli.demo $(DEMO)

test: $(STAMP) browser bubblewrap lint
	$(PYTEST) -m "not slow"

# The attacks that play whole releases.
test-security: $(STAMP)
	$(PYTEST) -m slow tests/security tests/cli/test_marker_token.py

test-all: $(STAMP) browser bubblewrap lint
	$(PYTEST)

lint: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

docs: $(STAMP)
	$(BIN)/python -m cli.docs

# The browser tests skip where no Chromium can be had; on a Debian machine it is installed once.
browser:
	@command -v chromium >/dev/null || { command -v apt-get >/dev/null && test "$$(id -u)" = 0 \
	  && echo "Installing chromium …" && apt-get update -qq && apt-get install -y -qq chromium >/dev/null; } \
	  || echo "No chromium: the browser tests will be skipped."

# Without bubblewrap the project's code runs with the rights of the account, and the tests of the isolation are skipped.
bubblewrap:
	@command -v bwrap >/dev/null || { command -v apt-get >/dev/null && test "$$(id -u)" = 0 \
	  && echo "Installing bubblewrap …" && apt-get update -qq && apt-get install -y -qq bubblewrap >/dev/null; } \
	  || echo "No bubblewrap: the tests of the isolation will be skipped."

constraints: $(STAMP)
	$(BIN)/uv pip freeze --python $(BIN)/python --exclude-editable > constraints.new

# The digests are for installing where it matters: pip install --require-hashes --no-deps -r requirements.txt
requirements: $(STAMP)
	@head -2 requirements.txt > requirements.new
	@$(BIN)/uv pip compile --quiet pyproject.toml --constraint constraints.txt --universal --python-version 3.11.5 \
	  --generate-hashes --no-annotate --no-header >> requirements.new
	@mv requirements.new requirements.txt

# Asks the index for the known advisories of each dependency; fails where there is one, and where the index could not tell.
audit: $(STAMP)
	$(BIN)/uv tool run pip-audit --strict --disable-pip --require-hashes --requirement requirements.txt

clean:
	rm -rf $(VENV) $(DEMO) .mypy_cache .ruff_cache .pytest_cache
