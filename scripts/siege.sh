#!/bin/sh
# Runs every attack of SECURITY.md against a release build, beside a well-behaved client: `make siege`. Arguments go to
# `inlet-bench siege` (--help); the table and the report go to target/siege.
set -eu
cd "$(dirname "$0")/.."
cargo build --release --package inlet-server --package inlet-simulator --bin inlet --bin inlet-bench
target="${CARGO_TARGET_DIR:-target}"
exec "$target/release/inlet-bench" siege --server "$target/release/inlet" --out "$target/siege" "$@"
