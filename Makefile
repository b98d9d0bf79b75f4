PYTHON ?= python3
BIN = .venv/bin
UV := $(shell command -v uv)

.PHONY: install setup demo check test ci prepared quick coverage docs wheel bench chaos lock forecast-report pictures

# With uv where it is installed; `make install UV=` uses pip all the same. The packages are those of the lock either way.
ifneq ($(UV),)
TOOL = uv. This takes about half a minute.
VENV = $(UV) venv --quiet --allow-existing --python $(PYTHON) .venv
INSTALL = $(UV) pip install --quiet --python .venv --compile-bytecode
else
TOOL = pip. This takes one to two minutes; with uv installed, about half a minute.
VENV = $(PYTHON) -m venv .venv
INSTALL = $(BIN)/python -m pip install --quiet
endif

# What it needs to run. A service cannot write compiled code beside ours: each run would compile it again.
install: .venv/installed
	@$(BIN)/python -m compileall -q app channels cli flows models rules sources tasks templates web

# And what it needs to be developed.
setup: .venv/ready

.venv/installed: requirements.lock pyproject.toml
	@echo "Installing into .venv with $(TOOL)"
	$(VENV)
	$(INSTALL) --require-hashes --requirement requirements.lock
	$(INSTALL) --no-deps --no-build-isolation --editable .
	touch $@

.venv/ready: requirements-dev.lock requirements.lock pyproject.toml
	@echo "Installing into .venv, tools for development included, with $(TOOL)"
	$(VENV)
	$(INSTALL) --require-hashes --requirement requirements-dev.lock
	$(INSTALL) --no-deps --no-build-isolation --editable .
	touch .venv/installed $@

demo: install
	$(BIN)/forewarn demo

# The checks of .pre-commit-config.yaml.
check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Tests start dozens of processes of ours: each reads compiled code, also where the environment forbids to write it.
test ci prepared quick coverage: export PYTHONDONTWRITEBYTECODE =

test: check
	$(BIN)/pytest

# As `make test`, in less time on a machine that has run nothing so far: mypy takes one core, and the other prepares once
# what each process of the tests would prepare for itself.
ci: setup
	$(MAKE) --jobs=2 --output-sync check prepared
	$(BIN)/pytest

# What fails here fails again among the tests, and is shown there.
prepared: setup
	-@$(BIN)/pytest -q -n0 --collect-only > /dev/null
	$(BIN)/python -m tests.support.prefect_database

# Rules, words, values and sources: no server, no process, no second database.
quick: setup
	$(BIN)/pytest -q --dist worksteal -m "not long and not server" tests/rules tests/templates tests/models tests/sources

coverage: setup
	$(BIN)/pytest -q --cov --cov-report=term --cov-report=html:build/coverage

bench: setup
	$(BIN)/python -m benchmarks

chaos: setup
	$(BIN)/pytest -m long
	$(BIN)/python -m benchmarks.chaos

forecast-report: setup
	$(BIN)/python -m benchmarks.forecast_report --picture docs/pictures/forecast.png

pictures: setup
	$(BIN)/python -m benchmarks.pictures
	WRITE_PICTURES=1 $(BIN)/pytest -q -n0 tests/system/test_numbers_browser.py -k pictures
	WRITE_PICTURES=1 $(BIN)/pytest -q -n0 tests/system/test_first_quarter_agent.py tests/system/test_first_quarter_marketer.py

docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

# For `pipx install dist/forewarn-*.whl`.
wheel: setup
	rm -rf build
	$(BIN)/python -c "from setuptools.build_meta import build_wheel; build_wheel('dist')"

COMPILE = uv pip compile --universal --generate-hashes --no-emit-index-url --python-version 3.11 --group build

lock:
	$(COMPILE) --group dev pyproject.toml --output-file requirements-dev.lock
	$(COMPILE) --constraint requirements-dev.lock pyproject.toml --output-file requirements.lock
