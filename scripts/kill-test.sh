#!/bin/sh
# Kills one of two processes with -9 five times in the middle of a load, on a data folder of its own. After each restart it
# checks that every acknowledged event is in the log once. Arguments go to `inlet simulate` (--help).
set -eu
cd "$(dirname "$0")/.."
cargo build --release --package inlet-server
target="${CARGO_TARGET_DIR:-target}"
folder="$target/kill-test"
rm -rf "$folder"
mkdir -p "$folder"
exec "$target/release/inlet" simulate --data-dir "$folder/data" --rate 500 --duration 30 --kills 5 \
    --report "$folder/report.json" "$@"
