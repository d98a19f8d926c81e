# The two commands of the README are `make course` and `make test`; each sets up what it needs.
# Another Python: make course PYTHON=python3.12

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV   ?= .venv
BIN    := $(VENV)/bin
MARP   := slides/node_modules/.bin/marp

.PHONY: help course test test-all lab notebooks slides site bundle bench clean
.DEFAULT_GOAL := help

help:        ## Show what can be made
	@grep -E '^[a-z-]+: .*##' Makefile | sed -E 's/:[^#]*##/:/' | awk -F: '{printf "  make %-10s %s\n", $$1, $$2}'

course: $(VENV)/course  ## Set up, run every lesson, build the site
	$(BIN)/python -m workshop_lib run --reuse --report build/report.json --site

test: $(VENV)/test $(MARP)  ## Set up and run the tests
	tests/browser.sh
	$(BIN)/python -m pytest -m "not slow"

test-all: $(VENV)/test $(MARP)  ## The tests and the slow lanes
	tests/browser.sh
	$(BIN)/python -m pytest

lab: $(VENV)/course  ## Open JupyterLab on the lessons
	$(BIN)/jupyter lab notebooks/00_start_here.ipynb

notebooks: $(VENV)/course  ## Make the learner and solution editions from notebooks/source
	$(BIN)/python -m workshop_lib build

slides: $(VENV)/course $(MARP)  ## Make the decks as HTML and PDF in build/slides
	$(BIN)/python slides/make.py

site: $(VENV)/course  ## Build the site from the executed lessons in build/site
	$(BIN)/python -m workshop_lib run --reuse --site

bundle: course slides  ## All that a room without network needs, in build/bundle
	rm -rf build/bundle && mkdir -p build/bundle/wheels
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir build/bundle/wheels .
	$(BIN)/pip download --quiet -c constraints.txt --dest build/bundle/wheels ".[course]"
	cp -r notebooks build/site build/slides constraints.txt build/bundle/
	cp instructor/offline_room.md build/bundle/READ_ME_FIRST.md
	@du -sh build/bundle

bench: $(VENV)/test  ## Measure, and write benchmarks/README.md
	$(BIN)/pip install --quiet -c constraints.txt -e ".[bench]"
	$(BIN)/python -m benchmarks

clean:       ## Remove what was built; the virtual environment stays
	rm -rf build dist

# A stamp file records that an environment is complete; a changed bound or version renews it.
$(VENV)/python: 
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed. Name one: make course PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/course: $(VENV)/python pyproject.toml constraints.txt
	$(BIN)/pip install --disable-pip-version-check --quiet --progress-bar on -c constraints.txt -e ".[course]"
	@touch $@

$(VENV)/test: $(VENV)/course
	$(BIN)/pip install --disable-pip-version-check --quiet --progress-bar on -c constraints.txt -e ".[course,test]"
	@touch $@

$(MARP): slides/package.json slides/package-lock.json
	@if command -v npm >/dev/null; then \
	  npm ci --prefix slides --no-audit --no-fund --silent && touch $@; \
	else echo "No slides: Node.js 18 or newer isn't here (nodejs.org). All else works."; fi
