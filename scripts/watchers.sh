#!/bin/sh
# Lets 200 live subscribers follow two processes of a release build, on a data folder of its own, for five minutes at 200
# events a second. Meanwhile connections break, processes are killed and restarted, and the logs begin a new epoch. Then it
# compares the updates of each subscriber with the event log. Arguments go to `inlet simulate` (--help); the report goes to target/watchers/report.json.
set -eu
cd "$(dirname "$0")/.."
cargo build --release --package inlet-server --bin inlet
target="${CARGO_TARGET_DIR:-target}"
folder="$target/watchers"
rm -rf "$folder"
mkdir -p "$folder"
exec "$target/release/inlet" simulate --watch 200 --duration 300 --rate 200 --data-dir "$folder/data" \
    --report "$folder/report.json" "$@"
