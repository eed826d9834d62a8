# Two commands do everything on a machine with only Python: `make demo` and `make test`.
# `make help` lists all of them: the lines that begin with `##`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
JOBS ?= 2

OLDEST := .venv-oldest
CORE := tests/test_workspace.py tests/test_strict.py tests/manifests/test_manifest.py \
    tests/manifests/test_csv_importer.py tests/scoring/test_metrics.py tests/cache/test_view.py \
    tests/cache/test_damaged_stores.py tests/heads/networks/test_deepser.py \
    tests/ensemble/test_classical.py

MUTANTS ?= --count 100 --seed 0

.PHONY: demo test long mutants check docs fix wheel test-oldest bench clean help

## demo: run the whole pipeline on a made-up corpus, and write a report
demo: $(READY)
	$(BIN)/medusa --workspace demo demo

## test: the tests, as continuous integration runs them
# one thread in each process: the processes have the cores
test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(JOBS) --dist worksteal

## long: the tests that take minutes
# what `make test` leaves out or does only a few times
long: $(READY)
	MEDUSA_LONG_TESTS=1 OMP_NUM_THREADS=1 $(BIN)/pytest tests/heads/queue/test_thousand_heads.py \
	    tests/recipes/test_killed_recipe.py tests/cache/test_killed_writers.py \
	    tests/inference/bundle/test_damage.py tests/inference/bundle/test_fresh_environment.py \
	    tests/recipes/test_verify.py tests/inference/serve tests/fuzz \
	    tests/reports/test_utterances.py tests/processes \
	    tests/cache/buckets tests/extract/test_ray.py tests/extract/test_compile.py

## mutants: change single lines of the code, and list changes that no test notices
# do the tests notice a changed line? First the listed mutations, then a sample
mutants: $(READY)
	$(BIN)/python -P -m medusa.tests.mutation --known --jobs $(JOBS)
	$(BIN)/python -P -m medusa.tests.mutation --jobs $(JOBS) $(MUTANTS)

## check: ruff, formatting, mypy, spelling and file hygiene, as in .pre-commit-config.yaml
check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/python .ci/hygiene.py

## docs: the site of docs/ in build/docs, with warnings as errors
docs: $(READY)
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs build/docs
	@echo "build/docs/index.html"

## fix: let ruff mend its findings
fix: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

## wheel: build the wheel, install it into a bare environment, and run the demo
wheel:
	PYTHON=$(PYTHON) .ci/wheel

## test-oldest: the core tests with the lowest versions that pyproject.toml allows
# torch is the pinned one: `torch>=2.6` is checked by reading, since each version is gigabytes.
test-oldest: $(READY)
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(OLDEST)
	grep '^torch==' constraints.txt > $(OLDEST)/torch.txt
	$(BIN)/uv pip compile --quiet --python $(OLDEST)/bin/python --resolution lowest-direct \
	    --override $(OLDEST)/torch.txt --all-extras --no-emit-package medusa-ser \
	    pyproject.toml -o $(OLDEST)/versions.txt
	$(BIN)/uv pip install --quiet --python $(OLDEST)/bin/python -r $(OLDEST)/versions.txt -e . --no-deps
	OMP_NUM_THREADS=1 $(OLDEST)/bin/python -m pytest $(CORE)

## bench: the benchmarks whose results are committed
bench: $(READY)
	for name in cache extract fidelity heads; do \
	    $(BIN)/python benchmarks/$$name.py --json benchmarks/results/$$name.json || exit 1; \
	done

# torch first and from the constraints: a plain `torch` would bring gigabytes of CUDA to a CPU machine.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

## clean: remove the environments and everything that was built
clean:
	rm -rf $(VENV) $(OLDEST) demo build dist docs/reference *.egg-info

help:
	@sed -n 's/^## /  make /p' $(MAKEFILE_LIST)
