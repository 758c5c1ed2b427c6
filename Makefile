# `make help` lists what there is.

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
# Where `make run` keeps its data, and where it listens.
INLET_DATA_DIR ?= .inlet
INLET_LISTEN ?= 127.0.0.1:8080
export INLET_DATA_DIR INLET_LISTEN
ARGS ?=

.PHONY: help run test check fmt schema schema-check event-schemas permissions architecture bench demo simulate siege kill-test chaos watchers faults fuzz postgres node languages

help: ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  make %-12s %s\n", $$1, $$2 }'

run: postgres ## Start everything on this machine: the server, its Postgres, a demo workspace.
	$(CARGO) build --package inlet-server --bin inlet
	exec $(TARGET)/debug/inlet dev $(ARGS)

demo: ## Post every documented event of every provider to what `make run` started.
	$(CARGO) build --package inlet-server --bin inlet
	exec $(TARGET)/debug/inlet demo $(ARGS)

simulate: ## Play the providers against what `make run` started, then check that nothing was lost. ARGS="--rate 500".
	$(CARGO) build --package inlet-server --bin inlet
	exec $(TARGET)/debug/inlet simulate $(ARGS)

test: postgres node languages ## Run every test. ARGS="-p inlet-domain" runs some.
	$(CARGO) build --package inlet-server --bin inlet --package inlet-tests --bin with-postgres --example receiver \
	  --package inlet-simulator --bin inlet-bench --features inlet-server/failpoints
	@if $(CARGO) nextest --version >/dev/null 2>&1; then runner="nextest run --no-fail-fast"; else runner="test --no-fail-fast"; fi; \
	  echo "$(CARGO) $$runner $(or $(ARGS),--workspace)"; \
	  INLET_TEST_BINARY="$(abspath $(TARGET))/debug/inlet" \
	    $(TARGET)/debug/with-postgres $(CARGO) $$runner $(or $(ARGS),--workspace)
	$(CARGO) test --doc --workspace --quiet

check: ## What must hold before a commit: format, lints, the generated schema and permissions, the layering, the crates.
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) build --package inlet-server --bin inlet
	@$(TARGET)/debug/inlet schema | diff -u schema.graphql - || { echo "schema.graphql is out of date: make schema"; exit 1; }
	@$(MAKE) --no-print-directory schema-check
	@$(TARGET)/debug/inlet rights | diff -u docs/permissions.md - || { echo "docs/permissions.md is out of date: make permissions"; exit 1; }
	@scratch=$$(mktemp -d) && $(TARGET)/debug/inlet event-schemas "$$scratch" && diff -ru schemas "$$scratch" && rm -r "$$scratch" || \
	  { echo "schemas/ is out of date: make event-schemas"; exit 1; }
	$(CARGO) test --package inlet-layering
	@CARGO="$(CARGO)" scripts/deny.sh

fmt: ## Format the sources.
	$(CARGO) fmt --all

schema: ## Write schema.graphql anew.
	$(CARGO) build --package inlet-server --bin inlet
	$(TARGET)/debug/inlet schema > schema.graphql

schema-check: ## Hold schema.graphql against Relay's rules, and name what would break clients of the last release.
	scripts/node.sh node tests/clients/schema.js

event-schemas: ## Write the JSON Schemas of webhook bodies in schemas/ anew.
	$(CARGO) build --package inlet-server --bin inlet
	@mkdir -p schemas && rm -f schemas/*.json
	$(TARGET)/debug/inlet event-schemas schemas

permissions: ## Write docs/permissions.md anew.
	$(CARGO) build --package inlet-server --bin inlet
	$(TARGET)/debug/inlet rights > docs/permissions.md

architecture: ## Draw the diagrams of crates and modules in ARCHITECTURE.md anew.
	INLET_WRITE_ARCHITECTURE=1 $(CARGO) test --package inlet-layering the_picture

bench: postgres ## Measure a release build beside the limits of this machine (docs name the figures by this command).
	scripts/bench.sh $(ARGS)

siege: postgres ## Attack a release build in every way that SECURITY.md names, and tell what each attack cost. ARGS="--only B2".
	scripts/siege.sh $(ARGS)

kill-test: postgres ## Kill one of two processes with -9 five times under load, and check that nothing acknowledged is lost.
	scripts/kill-test.sh $(ARGS)

fuzz: ## Throw bytes at one target for so many seconds (needs cargo-fuzz). ARGS="oneroute 600", or ARGS="list".
	scripts/fuzz.sh $(ARGS)

chaos: postgres ## Play 20 seeds of repeats and disorder against two processes, and compare all that stands. KILLS=8 kills too.
	scripts/chaos.sh $(ARGS)

watchers: postgres ## Let 200 live subscribers follow through breaks, kills and restarts for five minutes, and compare each with the log.
	scripts/watchers.sh $(ARGS)

faults: postgres ## Put a fault into a copy of the code for each of P1 to P5, and see that the checker finds it.
	scripts/faults.sh $(ARGS)

postgres:
	@scripts/postgres.sh

node:
	@scripts/node.sh

languages:
	@scripts/languages.sh
