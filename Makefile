# Everything here works on a bare Linux or macOS machine with Python 3.11+; `make` alone lists the commands.

VENV := .venv/bin
FIND_PYTHON := python="$$(sh scripts/find_python.sh)" || exit 1
RUNTIME := $(FIND_PYTHON); "$$python" scripts/bootstrap.py
DEV := $(RUNTIME) --dev

SOURCES := app benchmarks scripts tests wsgi.py worker.py gunicorn.conf.py
LOCK := $(VENV)/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-annotate --custom-compile-command "make lock"

# What is compiled once makes the next start quick, whatever this machine says.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test check fmt bench assets embeddings lock messages clean
.SILENT:

help: ## List the commands
	sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile

run: ## Start the shop: everything it needs, in the foreground (PORT, MCPSHOP_HOME, DATABASE_URL, REDIS_URL, ...)
	$(RUNTIME) && exec $(VENV)/python -m app.supervisor

test: ## Run the tests (ARGS="tests/cart -k stock")
	$(DEV) && exec $(VENV)/python -m pytest $(ARGS)

check: ## Format, lint, types, import contracts, templates
	$(DEV)
	$(VENV)/ruff format --check $(wildcard $(SOURCES))
	$(VENV)/ruff check $(wildcard $(SOURCES))
	$(VENV)/mypy
	$(VENV)/lint-imports
	$(VENV)/python -m scripts.check_templates

fmt: ## Format the code and sort its imports
	$(DEV)
	$(VENV)/ruff format $(wildcard $(SOURCES))
	$(VENV)/ruff check --select I --fix --quiet $(wildcard $(SOURCES))

bench: ## Run the benchmarks, one table each (ARGS passes on)
	$(DEV) && exec $(VENV)/python -m benchmarks $(ARGS)

assets: ## Fetch the pinned browser libraries into static/vendor (needs npm)
	$(RUNTIME) && exec $(VENV)/python scripts/assets.py $(ARGS)

embeddings: ## Install what finding by meaning needs (sentence-transformers, torch, chromadb; about 2 GB)
	$(RUNTIME) --embeddings

lock: ## Resolve requirements*.in into the lock files
	$(DEV)
	$(LOCK) $(ARGS) requirements.in --output-file requirements.lock
	$(LOCK) $(ARGS) requirements-dev.in --constraint requirements.lock --output-file requirements-dev.lock
	$(LOCK) $(ARGS) requirements-embeddings.in --constraint requirements-dev.lock --output-file requirements-embeddings.lock
	# A CPU build of torch has no CUDA packages; with a CUDA build pip brings exactly those that it names.
	grep -Ev '^(cuda|nvidia|triton)' requirements-embeddings.lock > requirements-embeddings.tmp
	mv requirements-embeddings.tmp requirements-embeddings.lock

messages: ## Collect the texts to translate from code and templates
	$(DEV)
	$(VENV)/pybabel -q extract -F babel.cfg -k N_ -k _l --no-location --sort-output -o app/translations/messages.pot app templates
	$(VENV)/pybabel -q update -i app/translations/messages.pot -d app/translations --no-fuzzy-matching

clean: ## Remove the environment, caches and fetched files; the shop's data stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis static/vendor
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
