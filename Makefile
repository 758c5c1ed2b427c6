# `make help` lists the targets.

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
# The data folder and the address of `make run`.
INLET_DATA_DIR ?= .inlet
INLET_LISTEN ?= 127.0.0.1:8080
export INLET_DATA_DIR INLET_LISTEN
ARGS ?=
# What `make test` builds and tests: where that is all, with the same features, so that nothing is compiled twice.
FEATURES := --features inlet-server/failpoints
BUILT := $(if $(ARGS),--package inlet-server --bin inlet --package inlet-tests --bin with-postgres --example receiver \
  --package inlet-simulator --bin inlet-bench,--workspace --all-targets)
TESTED := $(or $(ARGS),--workspace $(FEATURES))

.PHONY: help run test check fmt schema schema-check event-schemas permissions architecture bench demo simulate siege kill-test chaos watchers faults fuzz postgres node languages

help: ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  make %-12s %s\n", $$1, $$2 }'

run: postgres ## Start the server with a Postgres of its own and a demo workspace.
	$(CARGO) build --package inlet-server --bin inlet
	exec $(TARGET)/debug/inlet dev $(ARGS)

demo: ## Post every documented event of every provider to the server of `make run`.
	$(CARGO) build --package inlet-server --bin inlet
	exec $(TARGET)/debug/inlet demo $(ARGS)

simulate: ## Play the providers against the server of `make run`, then check that nothing was lost. ARGS="--rate 500".
	$(CARGO) build --package inlet-server --bin inlet
	exec $(TARGET)/debug/inlet simulate $(ARGS)

test: postgres node languages ## Run every test. ARGS="-p inlet-domain" runs some.
	$(CARGO) build $(BUILT) $(FEATURES)
	@if $(CARGO) nextest --version >/dev/null 2>&1; then runner="nextest run --no-fail-fast"; else runner="test --no-fail-fast"; fi; \
	  echo "$(CARGO) $$runner $(TESTED)"; \
	  INLET_TEST_BINARY="$(abspath $(TARGET))/debug/inlet" \
	    $(TARGET)/debug/with-postgres $(CARGO) $$runner $(TESTED)
	$(CARGO) test --doc --workspace $(FEATURES) --quiet

check: ## Run the checks of a commit: format, lints, generated files, layering, licences of crates.
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) build --package inlet-server --bin inlet
	@$(TARGET)/debug/inlet schema | diff -u schema.graphql - || { echo "schema.graphql is out of date: make schema"; exit 1; }
	@$(MAKE) --no-print-directory schema-check
	@$(TARGET)/debug/inlet rights | diff -u docs/permissions.md - || { echo "docs/permissions.md is out of date: make permissions"; exit 1; }
	@scratch=$$(mktemp -d) && $(TARGET)/debug/inlet event-schemas "$$scratch" && diff -ru schemas "$$scratch" && rm -r "$$scratch" || \
	  { echo "schemas/ is out of date: make event-schemas"; exit 1; }
	$(CARGO) test --package inlet-layering
	@CARGO="$(CARGO)" scripts/binary-text.sh
	@CARGO="$(CARGO)" scripts/deny.sh

fmt: ## Format the sources.
	$(CARGO) fmt --all

schema: ## Generate schema.graphql.
	$(CARGO) build --package inlet-server --bin inlet
	$(TARGET)/debug/inlet schema > schema.graphql

schema-check: ## Check schema.graphql against Relay's rules, and name changes that break clients of the last release.
	scripts/node.sh node tests/clients/schema.js

event-schemas: ## Generate the JSON Schemas of webhook bodies in schemas/.
	$(CARGO) build --package inlet-server --bin inlet
	@mkdir -p schemas && rm -f schemas/*.json
	$(TARGET)/debug/inlet event-schemas schemas

permissions: ## Generate docs/permissions.md.
	$(CARGO) build --package inlet-server --bin inlet
	$(TARGET)/debug/inlet rights > docs/permissions.md

architecture: ## Generate the diagrams in ARCHITECTURE.md.
	INLET_WRITE_ARCHITECTURE=1 $(CARGO) test --package inlet-layering the_picture

bench: postgres ## Measure a release build and the limits of this machine: the figures of docs/benchmarks.md.
	scripts/bench.sh $(ARGS)

siege: postgres ## Run every attack of SECURITY.md against a release build, and report the cost of each. ARGS="--only B2".
	scripts/siege.sh $(ARGS)

kill-test: postgres ## Kill one of two processes with -9 five times under load, and check that no acknowledged event is lost.
	scripts/kill-test.sh $(ARGS)

fuzz: ## Fuzz one target for some seconds (needs cargo-fuzz). ARGS="oneroute 600"; ARGS="list" lists the targets.
	scripts/fuzz.sh $(ARGS)

chaos: postgres ## Play 20 seeds of repeats and disorder against two processes, and compare the whole state. KILLS=8 adds kills.
	scripts/chaos.sh $(ARGS)

watchers: postgres ## Let 200 live subscribers follow through breaks, kills and restarts, and compare the updates of each with the log.
	scripts/watchers.sh $(ARGS)

faults: postgres ## Put a fault for each of P1 to P5 into a copy of the code, and check that the checker finds it.
	scripts/faults.sh $(ARGS)

postgres:
	@scripts/postgres.sh

node:
	@scripts/node.sh

languages:
	@scripts/languages.sh
