.DEFAULT_GOAL := help
PYTHON ?= python3
PORT ?= 8000
HOST ?= 127.0.0.1
BIN := .venv/bin

help: ## list what can be done
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/run ## a working site, from nothing: http://HOST:PORT (PORT=8000 HOST=127.0.0.1)
	@HOST=$(HOST) PORT=$(PORT) $(BIN)/python manage.py prepare_site
	@HOST=$(HOST) PORT=$(PORT) $(BIN)/honcho start --no-prefix; status=$$?; [ $$status -eq 130 ] || exit $$status

install: .venv/run ## the dependencies alone, into .venv

test: .venv/dev ## everything a change must pass
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal $(TESTS)

lint: .venv/dev ## style and types
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/mypy

screenshots: .venv/dev ## the pictures of docs/screenshots, from the demo catalogue
	$(BIN)/python -m tests.screenshots

.venv/run: requirements.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/dev: .venv/run requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

.PHONY: help run install test lint screenshots
