PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test check lint types native clean

demo: $(STAMP)
	$(BIN)/firth demo --out demo-out

test: $(STAMP) lint types
	$(BIN)/python -m pytest --numprocesses auto

check: test

lint: $(STAMP)
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks

types: $(STAMP)
	$(BIN)/mypy

$(STAMP): pyproject.toml constraints.txt CMakeLists.txt $(wildcard native/*)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt cmake ninja scikit-build-core nanobind cython setuptools setuptools-scm wheel numpy
	$(BIN)/pip install --quiet --constraint constraints.txt --no-build-isolation --editable '.[dev,zh,plot]'
	touch $@

# For work on the native core: builds into src/firth; use with PYTHONPATH=src.
native:
	cmake -S . -B build/dev -G Ninja -DFIRTH_IN_PLACE=ON -DPython_EXECUTABLE=$$($(PYTHON) -c 'import sys; print(sys.executable)') >build/dev.log 2>&1 || { cat build/dev.log; exit 1; }
	cmake --build build/dev

clean:
	rm -rf build $(VENV) src/firth/_core*.so
