# Everything a developer does, on Python 3.11 or newer and make. "make" lists it.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
# Passed on to pytest, to the benchmark or to uv: make test ARGS="-k tickets", make lock ARGS=-U
ARGS ?=
# Containers often set it: every process that a test starts would compile the whole program again.
export PYTHONDONTWRITEBYTECODE :=
# How many random requests make fuzz, fuzz-api and fuzz-graphql send; each has its own number if not given
EXAMPLES ?=
fuzzing = DESKGRAPH_PROOFS=1 DESKGRAPH_PROOFS_EXAMPLES=$(or $(EXAMPLES),$(1)) $(BIN)/python -m pytest -n 2 -m proof --timeout 0

# One more than there are cores: many tests wait for a process that they have started.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

BIN := .venv/bin
# Whole files go to a worker each, in the order of tests/conftest.py.
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
STAMP := .venv/.installed
CLIENTS := tests/clients/node_modules/.installed
GENERATED := tests/clients/generated
GENERATORS := $(GENERATED)/node_modules/.installed $(GENERATED)/.venv/.installed

PEERS := benchmarks/peers/.venv/.installed

.PHONY: help install serve up test proofs fuzz fuzz-api fuzz-graphql soak crash check coverage peers bench bench-writes bench-scale bench-memory bench-live bench-polling bench-traces bench-import bench-bulk bench-bulk-jobs bench-attacks console clients generated-clients schema schema-check schema-release openapi lock wheel clean

help: ## List what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP) ## Make .venv with exactly the locked packages, and this project in it

# Only done again when what is to be installed has changed. The lock names every package, so pip looks
# for no other: of a package that is wanted with extras it would take the newest version.
$(STAMP): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "$(PYTHON) is not Python 3.11 or newer: install one, or name it, as in make PYTHON=python3.12" >&2; \
		exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) has no venv module: install it (on Debian and Ubuntu: apt install python3-venv)" >&2; \
		exit 1; }
	@echo "Installing into .venv; this is done once."
	@$(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Without GraphiQL there is a plain editor, so what stops its build does not stop the server.
serve: $(STAMP) ## Build GraphiQL where it is missing, migrate, load the demo into an empty database, and serve
	@console/build.sh || true
	@$(BIN)/deskgraph serve --prepare --host $(HOST) --port $(PORT)

up: ## Run the server and PostgreSQL in containers, with secrets that are made once
	@examples/compose/make-secrets.sh var/secrets
	@docker compose up --build --detach --wait

test: $(STAMP) ## Run the tests, with a small version of each long proof
	@$(PYTEST) $(ARGS)

proofs: $(STAMP) ## Run the long proofs at full size, and the tests that only run here
	@DESKGRAPH_PROOFS=1 $(PYTEST) -m proof $(ARGS)

fuzz: $(STAMP) ## Send random requests, EXAMPLES of them to each kind of server
	@$(call fuzzing,20000) -rP tests/fuzz/test_fuzz.py tests/fuzz/test_fuzz_server.py $(ARGS)

fuzz-api: $(STAMP) ## Look for REST responses that the API document does not have
	@$(call fuzzing,150) tests/fuzz/test_api.py $(ARGS)

fuzz-graphql: $(STAMP) ## Send random requests and operations to /graphql, EXAMPLES of each
	@$(call fuzzing,5000) -rP tests/fuzz/test_graphql.py $(ARGS)

soak: $(STAMP) ## Follow 5,000 events through 100 lost connections, on each database
	@DESKGRAPH_PROOFS=1 $(BIN)/python -m pytest -q tests/live/test_resuming.py --timeout 0 $(ARGS)

crash: $(STAMP) ## Kill servers and databases while clients write, retry, merge and undo; print what was lost or doubled
	@DESKGRAPH_PROOFS=1 $(BIN)/python -m pytest -q tests/crashes --timeout 0 $(ARGS)

check: $(STAMP) ## Check format, lint, types and imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports --no-logo
	@# Modules that break the rules: where they pass, the check itself does not work.
	@! $(BIN)/lint-imports --no-logo tests/layers/broken/importlinter.toml >/dev/null

coverage: $(STAMP) ## Run the tests and print which lines none of them runs
	@$(PYTEST) --cov --cov-report=term-missing:skip-covered $(ARGS)

peers: $(PEERS) ## Install the other servers that make bench measures: Django, PostGraphile

# Only done again when what is to be installed has changed. Node comes from PyPI.
$(PEERS): benchmarks/peers/requirements.lock benchmarks/peers/package-lock.json $(STAMP)
	@$(BIN)/python -m venv --clear benchmarks/peers/.venv
	@benchmarks/peers/.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@cd benchmarks/peers && PATH="$$PWD/.venv/bin:$$PATH" npm ci --no-audit --no-fund --loglevel=error
	@touch $@

bench: $(STAMP) $(PEERS) ## Measure reads beside the baseline and other servers, and draw the chart
	@$(BIN)/python -m benchmarks.read --bare --compressed --peers --write $(ARGS)

bench-writes: $(STAMP) ## Measure creates, comments and changes beside the baseline, with 1, 8 and 32 clients
	@$(BIN)/python -m benchmarks.writes --write $(ARGS)

bench-scale: $(STAMP) ## Measure requests with 20,000 and with 1,000,000 tickets, and draw the chart
	@$(BIN)/python -m benchmarks.scale --write $(ARGS)

bench-memory: $(STAMP) ## Measure the memory of one process after its start and under load
	@$(BIN)/python -m benchmarks.scale.memory --write $(ARGS)

bench-live: $(STAMP) ## Measure how long events take to 1, 100 and 1,000 subscribers, and draw the chart
	@$(BIN)/python -m benchmarks.live --write $(ARGS)

bench-polling: $(STAMP) ## Measure lists that have not changed, in full and by If-None-Match
	@$(BIN)/python -m benchmarks.polling $(ARGS)

bench-traces: $(STAMP) ## Measure reads without traces and with them, sampled at 0.1
	@$(BIN)/python -m benchmarks.traces --write $(ARGS)

bench-import: $(STAMP) ## Measure how fast an old system of 200,000 tickets is imported
	@$(BIN)/python -m benchmarks.importing $(ARGS)

bench-bulk: $(STAMP) ## Measure writes of 100 tickets at once beside those of one
	@$(BIN)/python -m benchmarks.writes.bulk $(ARGS)

bench-bulk-jobs: $(STAMP) ## Measure bulk jobs of 100,000 tickets, and what others notice of them
	@$(BIN)/python -m benchmarks.writes.bulk_jobs $(ARGS)

bench-attacks: $(STAMP) ## Measure how fast the server refuses requests that are made to be slow
	@$(BIN)/python -m benchmarks.attacks $(ARGS)

console: $(STAMP) ## Build GraphiQL; Node and npm come from PyPI where the system has none
	@console/build.sh

clients: $(CLIENTS) $(GENERATORS) ## Install the clients that tests/clients runs, where npm is installed

# Only done again when what is to be installed has changed.
%/node_modules/.installed: %/package.json %/package-lock.json
	@if ! command -v npm >/dev/null; then \
		echo "npm is not installed: the clients of front ends will not be tested."; exit 0; fi; \
	node -e 'process.exit(Number(parseInt(process.versions.node) < 20))' || { \
		echo "The clients need Node 20 or newer." >&2; exit 1; }; \
	cd $* && npm ci --no-audit --no-fund --loglevel=error && touch node_modules/.installed

# The generators that are written in Python have an environment of their own.
$(GENERATED)/.venv/.installed: $(GENERATED)/python/requirements.lock $(STAMP)
	@$(BIN)/python -m venv --clear $(GENERATED)/.venv
	@$(GENERATED)/.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

generated-clients: $(STAMP) $(GENERATORS) ## Generate clients of both APIs with each generator, and run them
	@DESKGRAPH_PROOFS=1 DESKGRAPH_REQUIRE_CLIENTS=1 $(BIN)/python -m pytest tests/clients/generated $(ARGS)

schema: $(STAMP) ## Write schema/snapshots/schema.graphql
	@$(BIN)/deskgraph schema > schema/snapshots/schema.graphql.new
	@mv schema/snapshots/schema.graphql.new schema/snapshots/schema.graphql

schema-check: $(STAMP) ## Compare the schema with the last release and with what clients send
	@$(BIN)/python -m tests.schema.safety

schema-release: $(STAMP) ## Make the schema of now that of the last release
	@$(BIN)/python -m tests.schema.safety --release

openapi: $(STAMP) ## Write rest_compat/openapi.json
	@$(BIN)/deskgraph openapi > rest_compat/openapi.json.new
	@mv rest_compat/openapi.json.new rest_compat/openapi.json

LOCK := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --quiet

lock: $(STAMP) ## Choose versions again after a change of pyproject.toml
	@$(LOCK) pyproject.toml --output-file requirements.lock $(ARGS)
	@$(LOCK) pyproject.toml --extra otel --constraints requirements.lock --output-file requirements-otel.lock $(ARGS)
	@$(LOCK) pyproject.toml --extra dev --extra otel --constraints requirements-otel.lock --output-file requirements-dev.lock $(ARGS)
	@$(LOCK) requirements-build.in --constraints requirements-dev.lock --output-file requirements-build.lock $(ARGS)
	@$(LOCK) console/requirements.in --output-file console/requirements.lock $(ARGS)
	@$(LOCK) benchmarks/peers/requirements.in --output-file benchmarks/peers/requirements.lock $(ARGS)
	@$(LOCK) $(GENERATED)/python/requirements.in --output-file $(GENERATED)/python/requirements.lock $(ARGS)

wheel: $(STAMP) ## Build the wheel in dist/, with GraphiQL in it if it can be built
	@console/build.sh || true
	@$(BIN)/python -m hatchling build -t wheel

clean: ## Remove everything made here but the data in var/
	@rm -rf tests/clients/node_modules tests/clients/app/generated tests/clients/relay/__generated__
	@rm -rf deskgraph/console/dist console/node_modules console/build.log
	@rm -rf $(GENERATED)/node_modules $(GENERATED)/.venv $(GENERATED)/made
	@rm -rf .venv dist build .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -not -path './console/*' -prune -exec rm -rf {} +
