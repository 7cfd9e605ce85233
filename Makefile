.DEFAULT_GOAL := help
PYTHON ?= python3
PORT ?= 8000
HOST ?= 127.0.0.1
TESTS ?=
BIN := .venv/bin
# Tests run in parallel: more threads in each process would only wait for one another.
PYTEST := OMP_WAIT_POLICY=passive OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal
RUN_SITE := HOST=$(HOST) PORT=$(PORT) $(BIN)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/run ## install, prepare and serve the site at http://HOST:PORT (HOST=127.0.0.1 PORT=8000)
	@$(RUN_SITE)/python manage.py prepare_site
	@$(RUN_SITE)/honcho start --no-prefix; status=$$?; [ $$status -eq 130 ] || exit $$status

dev: export IMAGESEARCH_DEBUG ?= true
dev: .venv/dev ## the same for development: site and worker restart when a Python file changes
	@$(RUN_SITE)/python manage.py prepare_site
	@$(RUN_SITE)/honcho --procfile Procfile.dev start; status=$$?; [ $$status -eq 130 ] || exit $$status

install: .venv/run ## install the dependencies into .venv

test: .venv/dev ## run all checks and tests, or with TESTS=tests/vectors only these tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(PYTEST) $(TESTS)

quick: .venv/dev ## check style and types and run the fast tests: no server, no browser (also with TESTS=…)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(PYTEST) -m "not services and not slow and not trains" $(TESTS)

lint: .venv/dev ## format the code, check style and types
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/mypy

lock: .venv/dev ## write requirements.lock again after requirements.txt was changed
	$(BIN)/uv pip compile requirements.txt --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --quiet --output-file requirements.lock

screenshots: .venv/dev ## take the screenshots in docs/screenshots again, from the demo catalogue
	$(BIN)/python -m tests.screenshots

.venv/run: requirements.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@rm -rf .venv/lib/python3.*/site-packages/tensorflow/include  # 430 MB of headers, only for extensions in C++
	@touch $@

.venv/dev: .venv/run requirements-dev.txt requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

.PHONY: help run dev install test quick lint lock screenshots
