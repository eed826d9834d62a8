# Two commands do everything on a machine with only Python: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
JOBS ?= 2

MUTANTS ?= --count 100 --seed 0

.PHONY: demo test long mutants check docs fix bench clean

demo: $(READY)
	$(BIN)/medusa --workspace demo demo

# one thread in each process: the processes have the cores
test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(JOBS)

# what `make test` leaves out or does only a few times
long: $(READY)
	MEDUSA_LONG_TESTS=1 OMP_NUM_THREADS=1 $(BIN)/pytest tests/heads/queue/test_thousand_heads.py \
	    tests/recipes/test_killed_recipe.py tests/cache/test_killed_writers.py \
	    tests/inference/bundle/test_damage.py tests/recipes/test_verify.py tests/inference/serve tests/fuzz \
	    tests/reports/test_utterances.py tests/processes

# do the tests notice a changed line? First the listed mutations, then a sample
mutants: $(READY)
	$(BIN)/python -P -m medusa.tests.mutation --known --jobs $(JOBS)
	$(BIN)/python -P -m medusa.tests.mutation --jobs $(JOBS) $(MUTANTS)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(READY)
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs build/docs
	@echo "build/docs/index.html"

fix: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

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

clean:
	rm -rf $(VENV) demo build dist *.egg-info
