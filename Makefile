# make demo   the whole pipeline, small, on the virtual board (hwprof quickstart)
# make test   the test suite; make check adds everything else that is checked
#
# Both make .venv first, and install again only when pyproject.toml or constraints.txt changed.
# make lint | types | borders | coverage    one check each
# make coverage-model                       timing, memory and protocol, every branch, hooks interpreted
# make firmware                             rebuild the images (needs gcc-arm-none-eabi)
# make artefacts                            fit the shipped surrogates and tables again

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST ?= $(BIN)/pytest
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
COVERAGE_FLOOR_PERCENT := 85

.DEFAULT_GOAL := help
.PHONY: help demo test lint format types borders coverage coverage-model firmware-check artefacts readme constraints check clean

help:
	@sed -n 's/^# \{0,1\}//p;/^$$/q' Makefile

demo: $(VENV)/installed
	$(BIN)/hwprof quickstart

test: $(VENV)/installed-dev
	$(PYTEST) $(PYTEST_OPTIONS)

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/installed-dev
	$(BIN)/ruff format .

types: $(VENV)/installed-dev
	$(BIN)/mypy

borders: $(VENV)/installed-dev
	$(BIN)/lint-imports

coverage: $(VENV)/installed-dev
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under $(COVERAGE_FLOOR_PERCENT)

# What a latency is made of. The hooks run as Python here, so that their branches count.
MODEL_FILES := $(foreach name,counting core decode evaluate exact hooked instruction_base \
    instruction_data instruction_memory instructions memory memory_data memory_model microops modes native \
    native_hooked native_streams scoreboard slices streams timing,firmware_stub/virtual/$(name).py) profiler/frames.py profiler/protocol.py
comma := ,
empty :=
space := $(empty) $(empty)

coverage-model: $(VENV)/installed-dev
	rm -f .coverage-model*
	NUMBA_DISABLE_JIT=1 HYPOTHESIS_PROFILE=coverage COVERAGE_FILE=.coverage-model $(BIN)/coverage run -m pytest -q -n 2 --dist worksteal \
	    tests/virtual tests/golden tests/profiler/test_protocol.py
	COVERAGE_FILE=.coverage-model $(BIN)/coverage combine --quiet
	COVERAGE_FILE=.coverage-model $(BIN)/coverage report --show-missing --fail-under 100 \
	    --include '$(subst $(space),$(comma),$(MODEL_FILES))'

readme: $(VENV)/installed
	$(BIN)/python scripts/run_documented_commands.py README.md

artefacts: $(VENV)/installed
	$(BIN)/python scripts/make_artefacts.py

# The versions that make test has just passed with; torch's CPU build is a label, not a version.
constraints: $(VENV)/installed-dev
	( sed -n '/^#/p' constraints.txt; $(BIN)/python -m pip freeze --all --exclude-editable | grep -v '^pip==' | sed 's/+cpu$$//' ) > constraints.new
	mv constraints.new constraints.txt

check: lint types borders test

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage*

include firmware_stub/firmware.mk
include firmware_stub/frame/frame.mk

# What is committed is what the sources make, bit for bit.
firmware-check:
	rm -rf build/firmware $(FW_IMAGES) $(FW_FRAME)
	$(MAKE) --no-print-directory firmware
	git diff --exit-code --stat -- firmware_stub/images

$(BIN)/python: | scripts/make_venv.py
	@command -v $(PYTHON) >/dev/null || { echo "hwprof needs Python 3.11 or newer and found no $(PYTHON); on Debian and Ubuntu: apt install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) scripts/make_venv.py $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt setup.py | $(BIN)/python
	@echo "installing hwprof into $(VENV) (once)"
	@$(PIP) --editable .
	@touch $@

$(VENV)/installed-dev: pyproject.toml constraints.txt setup.py | $(BIN)/python
	@echo "installing hwprof and its test tools into $(VENV) (once)"
	@$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/installed
