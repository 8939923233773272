# make lab          open the lessons in JupyterLab
# make test         everything that CI checks
# make quick        most of it in a minute: style, types, and tests of the core
# make lint         style, types, clean notebooks
# make format       rewrite the Python files in the one style
# make lessons      run the lessons again and keep their new outputs
# make bench        the measured table of benchmarks/README.md
# make test-lowest  the tests on the lowest versions that pyproject.toml allows
# make clean        throw away what the others made

# Another interpreter:     make lab PYTHON=python3.12
# Options of fluxlab lab:  make lab LAB_ARGS="--no-browser"
# Another folder:          make lab FOLDER="$HOME/my lessons"
PYTHON ?=
FOLDER ?=
LAB_ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
PIP_QUIET := --quiet --disable-pip-version-check
# The cells of one lesson share a kernel, so they stay on one worker. Every cell's output is
# compared; without execution counts too (conftest.py).
NBVAL := -p nbval --nbval --nbval-current-env -n 2 --dist loadscope

.PHONY: lab test quick lint unit nbval browser format lessons bench test-lowest clean
.NOTPARALLEL:

lab: $(VENV)/installed
	$(BIN)/fluxlab lab $(if $(FOLDER),"$(FOLDER)") $(LAB_ARGS)

test: lint unit nbval browser

# One of each kind: cells, gradients, the check, plan, history, networks, rooms, board, panel.
quick: lint
	$(BIN)/python -m pytest -n 2 -q $(addprefix tests/,$(addsuffix .py,\
	  $(addprefix engine/test_,cells gradients plan history names network bad_input layering) \
	  test_rooms test_board test_stepper test_explain_panel test_readme))

lint: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python tools/refresh_lessons.py --check

unit: $(VENV)/installed-test
	$(BIN)/python -m pytest -n 2 tests --ignore tests/browser

nbval: $(VENV)/installed-test
	$(BIN)/python -m pytest $(NBVAL) lessons

browser: $(VENV)/installed-test
	$(BIN)/python -m pytest -n 2 tests/browser

format: $(VENV)/installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lessons: $(VENV)/installed-test
	$(BIN)/python tools/refresh_lessons.py

bench: $(VENV)/installed-test
	$(BIN)/python benchmarks/run.py

# NumPy 1.26 has wheels for Python 3.11 and 3.12 only.
test-lowest:
	$(MAKE) VENV=.venv-lowest PIP_CONSTRAINT=tests/lowest.txt unit nbval browser

clean:
	rm -rf .venv .venv-lowest artefacts build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache

# Python 3.11 or later, with venv. Says what to install where something is missing.
$(VENV)/python:
	@found=; \
	for python in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python); do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    found=$$python; break; \
	  fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "FluxLab needs Python 3.11 or later, and finds none. Get it from www.python.org," >&2; \
	  echo "or name the one to use: make lab PYTHON=/path/to/python3" >&2; exit 1; \
	fi; \
	if ! $$found -c 'import ensurepip, venv' 2>/dev/null; then \
	  echo "$$found cannot make virtual environments. On Debian and Ubuntu:" >&2; \
	  echo "sudo apt install python3-venv" >&2; exit 1; \
	fi; \
	$$found -m venv $(VENV) && touch $@

$(VENV)/installed: $(VENV)/python pyproject.toml
	@echo "Installing FluxLab into $(VENV); the first time this takes a minute or two."
	@$(BIN)/python -m pip install $(PIP_QUIET) -e .
	@touch $@

$(VENV)/installed-test: $(VENV)/python pyproject.toml tests/lowest.txt
	@echo "Installing FluxLab and its test tools into $(VENV)."
	@$(BIN)/python -m pip install $(PIP_QUIET) -e '.[test]'
	@touch $@ $(VENV)/installed
