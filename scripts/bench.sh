#!/bin/sh
# Measures a release build and the limits of the machine: `make bench`. Arguments go to inlet-bench (--help).
set -eu
cd "$(dirname "$0")/.."
cargo build --release --package inlet-server --package inlet-simulator --bin inlet --bin inlet-bench
target="${CARGO_TARGET_DIR:-target}"
exec "$target/release/inlet-bench" --server "$target/release/inlet" "$@"
