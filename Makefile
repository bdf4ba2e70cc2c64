# CNN 101. `make` alone prints the targets.

PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
# On Linux torch brings its GPU libraries along: 6 GB installed, and room to unpack them.
LINUX     := $(filter Linux,$(shell uname -s))
SIZE_GB   := $(if $(LINUX),6,2)
NEEDED_GB ?= $(if $(LINUX),9,4)

.PHONY: help lab test notebooks site bench stamp
.DEFAULT_GOAL := help

help:
	@echo "make lab         open the course in JupyterLab, at the first notebook"
	@echo "make test        prove that all of it works: style, unit tests, every notebook, a real browser"
	@echo "make notebooks   run every notebook from top to bottom and save its outputs (full sets where they are there)"
	@echo "make site        build the pages, on which every slider moves without Jupyter, into site/build (15 seconds)"
	@echo "make bench       print the speed figures; trains every recipe from several seeds, hours in all"
	@echo "make bench QUICK=1   the same figures from parts of the runs, in 5 minutes"
	@echo "make stamp REPO=<address>   write the course's address into first cells and badges"
	@echo
	@echo "The first of them also makes the environment in $(VENV) (about 2 minutes, $(SIZE_GB) GB)."

lab: $(VENV)/ready
	@JUPYTER_CONFIG_PATH="$(CURDIR)/jupyter$${JUPYTER_CONFIG_PATH:+:$$JUPYTER_CONFIG_PATH}" \
	    $(PY) -m jupyter lab --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb $(LAB_OPTIONS)

# with no display there is no browser to open: Jupyter prints the address instead
NO_DISPLAY  := $(if $(LINUX),$(if $(DISPLAY)$(WAYLAND_DISPLAY),,--no-browser))
AS_ROOT     := $(if $(filter 0,$(shell id -u)),--allow-root)
LAB_OPTIONS ?= $(NO_DISPLAY) $(AS_ROOT)

# two workers share the cores of a small machine: more threads in each would only wait for each other
TEST := OMP_NUM_THREADS=1 $(PY) -m pytest

test: $(VENV)/ready
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(TEST) -n 2
	$(TEST) -n 2 --dist loadscope --nbval notebooks

notebooks: $(VENV)/ready
	$(PY) -m helpers.course run

site: $(VENV)/ready
	$(PY) site/build.py

bench: $(VENV)/ready site
	$(PY) benchmarks/loading.py
	$(PY) benchmarks/sliders.py $(if $(QUICK),01)
	$(PY) benchmarks/ladder.py $(if $(QUICK),--quick)

stamp: $(VENV)/ready
	@[ -n "$(REPO)" ] || { echo "Which address? make stamp REPO=https://github.com/<you>/<your copy>"; exit 1; }
	$(PY) -m helpers.course stamp $(REPO)

$(VENV)/ready: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	    echo "CNN 101 needs Python 3.10 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1 || echo not there)." \
	         "Name another one: make PYTHON=python3.12"; exit 1; }
	@free=$$(df -Pk . | awk 'NR == 2 { print int($$4 / 1048576) }'); [ "$$free" -ge $(NEEDED_GB) ] || { \
	    echo "The environment needs $(NEEDED_GB) GB of disk here while it is made; only $$free GB are free." \
	         "Make room, or clone the course to another disk."; exit 1; }
	@echo "Making the environment in $(VENV) from requirements.txt: about 2 minutes and $(SIZE_GB) GB. This happens once."
	@$(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@
	@echo "The environment is ready."
