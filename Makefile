PYTHON ?= python3
BIN = .venv/bin
UV := $(shell command -v uv)

.PHONY: setup demo check test docs wheel bench chaos lock forecast-report pictures

setup: .venv/ready

# The same packages either way; `make setup UV=` uses pip although uv is installed.
.venv/ready: requirements.lock pyproject.toml
ifneq ($(UV),)
	@echo "Installing into .venv with uv. This takes about half a minute."
	$(UV) venv --quiet --allow-existing --python $(PYTHON) .venv
	$(UV) pip install --quiet --python .venv --compile-bytecode --require-hashes --requirement requirements.lock
	$(UV) pip install --quiet --python .venv --no-deps --no-build-isolation --editable .
else
	@echo "Installing into .venv with pip. This takes one to two minutes; with uv installed, about half a minute."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
endif
	touch $@

demo: setup
	$(BIN)/forewarn demo

# The checks of .pre-commit-config.yaml.
check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check
	$(BIN)/pytest

bench: setup
	$(BIN)/python -m benchmarks

chaos: setup
	$(BIN)/pytest -m long
	$(BIN)/python -m benchmarks.chaos

forecast-report: setup
	$(BIN)/python -m benchmarks.forecast_report --picture docs/pictures/forecast.png

pictures: setup
	$(BIN)/python -m benchmarks.pictures

docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

# For `pipx install dist/forewarn-*.whl`.
wheel: setup
	rm -rf build
	$(BIN)/python -c "from setuptools.build_meta import build_wheel; build_wheel('dist')"

lock:
	uv pip compile --universal --generate-hashes --no-emit-index-url --python-version 3.11 --group dev \
		pyproject.toml --output-file requirements.lock
