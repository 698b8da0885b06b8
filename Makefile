# make demo   install into .venv and run the resting-state example; says where the report is
# make test   install and run all tests, those over three MPI ranks included
# make lint   style, types, import directions, file lengths
# make help   the rest

VENV ?= .venv
BIN := $(VENV)/bin
RANKS ?= 3
WORKERS ?= 2
BRIAN ?= .venv-brian
MPIEXEC ?= $(BIN)/mpiexec
PYTEST_ARGS ?=
PARTS ?=

# Extras that `make install` and `make demo` install: MPI with mpiexec, unless other ones were installed before.
# EXTRAS= leaves MPI out (for one of your own), EXTRAS=mpi,cuda12 adds GPUs.
RECORDED := $(shell cat $(VENV)/.installed 2>/dev/null)
EXTRAS ?= $(if $(filter extras=%,$(RECORDED)),$(patsubst extras=%,%,$(RECORDED)),mpi)

PACKAGING := pyproject.toml setup.py constraints.txt
PIP_INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt

export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The extra `test` brings MPI, too.
NOTE_EXTRAS = echo "extras=mpi" >$(VENV)/.installed

.NOTPARALLEL:
.PHONY: others help install demo test test-fast test-serial test-mpi test-gpu nightly validate docs dist lint format constraints clean

help:
	@echo "make install      .venv with dtbsim (editable), its pinned dependencies and MPI (EXTRAS=$(EXTRAS))"
	@echo "make demo         run examples/resting_state.yaml and say where the report is"
	@echo "make test         all tests (RANKS=$(RANKS) for those under MPI)"
	@echo "make test-fast    tests without those marked slow and without MPI"
	@echo "make nightly      tests marked nightly: more of the same, for longer"
	@echo "make test-gpu     tests of a GPU; needs one, and CuPy: pip install -e '.[cuda12]' or '.[cuda13]'"
	@echo "make validate     compare with NEST and Brian2 live and write docs/validation.md (half an hour; PARTS='brunel facts' for these)"
	@echo "make docs         the site of the documentation, in build/site"
	@echo "make dist         wheel and source distribution in dist/"
	@echo "make lint         ruff, mypy, import-linter, file lengths"
	@echo "make format       ruff format and safe fixes"
	@echo "make constraints  renew constraints.txt from the newest releases (lowest supported Python)"
	@echo "make clean        remove build products and caches (.venv and runs stay)"

# Each stamp installs one set of extras; they are renewed only when the packaging files change.
$(BIN)/python:
	@python="$$(.ci/find-python)" || exit 2; \
	echo "making $(VENV) with $$("$$python" --version)"; \
	"$$python" -m venv "$(VENV)"

ifneq ($(RECORDED),extras=$(EXTRAS))
$(VENV)/.installed: others
endif
$(VENV)/.installed: $(PACKAGING) | $(BIN)/python
	$(PIP_INSTALL) --editable '.$(if $(EXTRAS),[$(EXTRAS)])'
	@echo "extras=$(EXTRAS)" >$@

$(VENV)/.installed-test: $(PACKAGING) | $(BIN)/python
	$(PIP_INSTALL) --editable '.[test]'
	@touch $@ && $(NOTE_EXTRAS)

$(VENV)/.installed-dev: $(PACKAGING) | $(BIN)/python
	$(PIP_INSTALL) --editable '.[dev]'
	@touch $@ $(VENV)/.installed-test && $(NOTE_EXTRAS)

$(VENV)/.installed-reference: $(PACKAGING) | $(BIN)/python
	$(PIP_INSTALL) --editable '.[test,reference]'
	@touch $@ $(VENV)/.installed-test && $(NOTE_EXTRAS)

$(VENV)/.installed-docs: $(PACKAGING) | $(BIN)/python
	$(PIP_INSTALL) --editable '.[docs]'
	@touch $@ $(VENV)/.installed

install: $(VENV)/.installed

demo: $(VENV)/.installed
	@out="runs/demo-$$(date +%Y%m%d-%H%M%S)"; \
	"$(BIN)/dtbsim" run examples/resting_state.yaml --out "$$out" && \
	test -s "$$out/report.html" && echo "The report is in $$out/report.html: open it in a browser."

test: test-serial test-mpi

# A file stays on one worker; two of them, as the tests of threads and ranks take a few cores each. In the order of their
# names: by the number of tests, files of few long ones would come last, and a worker wait for the other.
test-serial: $(VENV)/.installed-test
	$(BIN)/python -m pytest -m "not mpi and not nightly" -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

test-fast: $(VENV)/.installed-test
	$(BIN)/python -m pytest -m "not mpi and not slow and not nightly" -n $(WORKERS) --dist loadfile $(PYTEST_ARGS)

# Under -m mpi4py an exception on one rank ends all of them; without it the others would wait for ever.
test-mpi: $(VENV)/.installed-test
	$(MPIEXEC) -n $(RANKS) $(BIN)/python -m mpi4py -m pytest --with-mpi -m "mpi and not nightly" tests/mpi $(PYTEST_ARGS)

# What `make test` leaves out. Nothing of it may be the only test of a promise.
nightly: $(VENV)/.installed-test
	$(BIN)/python -m pytest -m "nightly and not mpi" -n $(WORKERS) --dist loadfile --timeout 1800 $(PYTEST_ARGS)

# One after the other: a GPU is shared badly.
test-gpu: $(VENV)/.installed-test
	$(BIN)/python -m pytest -m gpu tests/gpu $(PYTEST_ARGS)

# Brian2 needs an older numpy than dtbsim, so it has an environment of its own.
$(BRIAN)/.installed: | $(BIN)/python
	$(BIN)/python -m venv $(BRIAN)
	$(BRIAN)/bin/python -m pip install --quiet "brian2==2.9.0" "numpy<2"
	@touch $@

validate: $(VENV)/.installed-reference $(BRIAN)/.installed
	$(BRIAN)/bin/python -m tests.validation.make_brian_neurons
	$(BIN)/python -m tests.validation.live $(PARTS)

# The source distribution from the tree, and the wheel from it alone. Building needs setuptools and nothing of dtbsim.
dist: $(VENV)/.installed-test
	rm -rf dist && mkdir dist
	$(BIN)/python -c "from setuptools import build_meta as b; b.build_sdist('dist')"
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist dist/*.tar.gz

# Pages, API reference and a gallery of the examples, which are run for it in short forms; nothing on it needs a network.
docs: $(VENV)/.installed-docs
	DTBSIM_MPI=off $(BIN)/python docs/site/build.py

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python .ci/check_file_lengths.py

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

constraints:
	.ci/renew-constraints

clean:
	rm -rf build dist src/*.egg-info .mypy_cache .ruff_cache .import_linter_cache .pytest_cache
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -print | xargs rm -rf
