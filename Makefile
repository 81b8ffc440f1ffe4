# Names for the project's commands; what they do is in pyproject.toml and the tools they call.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FUZZ_S ?= 600

.PHONY: help install check format docs locks test test-fast differential fuzz demo clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

install: $(VENV)/.installed ## everything into .venv and the cache folder

$(VENV)/.installed: pyproject.toml requirements/dev.txt deploy/embedded/pom.xml
	@command -v $(PYTHON) >/dev/null || { echo "missing: $(PYTHON). Install: sudo apt-get install python3 python3-venv, or see python.org" >&2; exit 1; }
	@$(PYTHON) deploy/prerequisites.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m planner.embedded.download
	@touch $@

check: install ## format, lint, types, imports, generated files, house rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy contracts services tests
	PYTHONPATH=contracts:services $(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/tidy tests/contract

format: install ## rewrite the code as `make check` wants it
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: install ## write docs/reference, the JSON Schemas and the timelines anew from the code
	$(BIN)/python deploy/reference.py
	PYTHONPATH=tests $(BIN)/python -m support.timeline_stories

locks: install ## compile requirements/*.txt anew
	$(BIN)/python deploy/locks.py

test: install ## all tests, on real servers
	$(BIN)/python -m pytest -n 3 --dist loadfile

test-fast: install ## the tests that need no server
	$(BIN)/python -m pytest tests/unit tests/property tests/contract tests/tidy

differential: install ## 100,000 random rules against each library, the zone sweep by the minute; an hour
	$(BIN)/python -m pytest --hypothesis-profile=long -k "croniter or cronsim or dateutil" tests/property
	$(BIN)/python -m pytest --hypothesis-profile=long tests/property/test_zone_sweep.py

fuzz: install ## atheris on the parsers of schedules, for FUZZ_S seconds
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/fuzz.txt
	mkdir -p .fuzz
	$(BIN)/python tests/property/fuzz_parsers.py .fuzz -max_total_time=$(FUZZ_S) -max_len=512 -timeout=10

demo: install ## the main job, shown live
	$(BIN)/planner demo

clean: ## what the tools left; not the virtual environment
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .fuzz dist
