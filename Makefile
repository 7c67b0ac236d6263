# `make run` and `make test` are all that a newcomer needs; .ci/preflight says what they need themselves.
# The Python side lives in .venv, the Rust side in target; `make clean` removes both.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CARGO := cargo
WORKSPACE := --workspace --locked
DENY := $(CARGO) deny --workspace --locked --config rust/deny.toml
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
HEADGATED = target/$(HOST)/dist/headgated
# What the native module is made of: everything but tests and fuzz targets.
NATIVE_SOURCES := Cargo.toml Cargo.lock pyproject.toml $(shell find rust \( -name '*.rs' -o -name Cargo.toml \) -not -path '*/tests/*' -not -path 'rust/fuzz/*')
NODE_LOCK := $(wildcard tests/clients/node/package-lock.json)

export VIRTUAL_ENV := $(CURDIR)/$(VENV)
unexport CONDA_PREFIX PYTHONHOME

.DELETE_ON_ERROR:
.PHONY: run test gate bench bench-full lint check fix headgated clean lock preflight venv native lint-rust lint-deny lint-python lint-generated node

run: native ## build, and serve the simulated provider on 127.0.0.1:8080 until Ctrl-C
	@$(BIN)/headgate up --sim-only

test: native node ## everything that can fail without a network
	$(CARGO) test $(WORKSPACE) --exclude binding
	RUSTFLAGS="--cfg loom" $(CARGO) test --locked -p attempt --test loom_budget --test loom_health
	$(CARGO) build --release --locked -p daemon -p relay
	$(BIN)/pytest -q

gate: venv ## instructions and allocations of a call, against those that were accepted
	$(BIN)/python -m benchmarks.path

bench: native headgated ## what a call costs, beside plain proxies and the floor; about ten minutes
	$(CARGO) build --release --locked -p relay
	$(BIN)/headgate bench compare --with headgated=$(HEADGATED) --output target/bench

bench-full: native headgated ## all loads, and all gateways that are installed; half an hour or more
	$(CARGO) build --release --locked -p relay
	mkdir -p benchmarks/reports
	$(BIN)/headgate bench compare floor nginx haproxy headgated serve python litellm portkey bifrost \
		--with headgated=$(HEADGATED) --cells full --windows 12 --warm-up 4 --output benchmarks/reports/full

check: lint gate test

lint: lint-rust lint-deny lint-python lint-generated

lint-rust: venv # the binding asks its Python for its version
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(WORKSPACE) --all-targets -- -D warnings

# Advisories count where their database can be reached, and the output says whether it was.
lint-deny: preflight
	@if ! $(CARGO) deny --version >/dev/null 2>&1; then \
		echo "cargo-deny is not installed: tests/structure holds licences, bans and sources; advisories were not looked up"; \
	elif $(DENY) fetch db 2>/dev/null; then $(DENY) check; \
	else $(DENY) check bans licenses sources && echo "advisories were not looked up: their database cannot be reached"; fi

lint-python: venv
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

lint-generated: venv
	PYTHONPATH=python $(BIN)/python -m headgate.config.schema --check
	PYTHONPATH=python $(BIN)/python -m headgate.simulate.schema --check
	$(BIN)/python -m docs.faults --check
	$(BIN)/python -m docs.failures --check
	PYTHONPATH=python $(BIN)/python -m benchmarks.figures --check

fix: venv ## what a machine can repair
	$(CARGO) clippy $(WORKSPACE) --all-targets --fix --allow-dirty --allow-staged
	$(CARGO) fmt --all
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	PYTHONPATH=python $(BIN)/python -m headgate.config.schema
	PYTHONPATH=python $(BIN)/python -m headgate.simulate.schema
	$(BIN)/python -m docs.faults
	$(BIN)/python -m docs.failures
	PYTHONPATH=python $(BIN)/python -m benchmarks.figures

headgated: preflight ## the data plane alone, one static binary
	RUSTFLAGS="-C target-feature=+crt-static" $(CARGO) build --locked --profile dist --target $(HOST) -p daemon
	@ldd $(HEADGATED) 2>&1 | grep -qE 'statically linked|not a dynamic executable' || { echo "$(HEADGATED) is not static" >&2; exit 1; }
	@echo "$(HEADGATED): static, $$(wc -c < $(HEADGATED)) bytes"

lock: venv ## newer Python requirements, within the bounds of pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --extra bench --extra dev --extra compat --extra parquet --universal --python-version 3.11 --upgrade --quiet \
		--generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --output-file requirements.txt

clean:
	rm -rf target $(VENV) .mypy_cache .pytest_cache .ruff_cache tests/clients/node/node_modules python/headgate/_native*.so
	find python tests benchmarks docs -name __pycache__ -prune -exec rm -rf {} +

preflight:
	@PYTHON=$(PYTHON) .ci/preflight

venv: $(VENV)/.requirements
$(VENV)/.requirements: requirements.txt | preflight
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

# One build serves `make run` and the tests: optimised, because the tests under load are about what users run.
native: $(VENV)/.native
$(VENV)/.native: $(VENV)/.requirements $(NATIVE_SOURCES) | preflight
	PIP_QUIET=1 $(BIN)/maturin develop --release
	@touch $@

# The official Node SDK for tests/clients; without npm those tests are skipped, and say so.
node: $(if $(NODE_LOCK),$(if $(shell command -v npm),tests/clients/node/node_modules))
tests/clients/node/node_modules: $(NODE_LOCK)
	npm ci --prefix tests/clients/node --ignore-scripts --no-audit --no-fund && touch $@ \
		|| echo "the Node SDK could not be installed: its tests are skipped" >&2
