#!/bin/sh
# Runs one fuzz target for a time, from the providers' documented samples on: `make fuzz ARGS="oneroute 600"`.
# With `list` it lists the targets; with `build` it builds them all. What it finds is in fuzz/artifacts/<target>.
set -eu
cd "$(dirname "$0")/../fuzz"

if ! cargo fuzz --version >/dev/null 2>&1; then
    echo "cargo-fuzz is not here: cargo install --locked cargo-fuzz" >&2
    exit 1
fi

# The instrumentation is a compiler option that only nightly offers by itself. No sanitizer: there is no unsafe code of
# our own to watch, and without it there are several times as many runs.
export RUSTC_BOOTSTRAP=1
# Its artifacts are of another kind than the workspace's.
export CARGO_TARGET_DIR="${INLET_FUZZ_TARGET_DIR:-${CARGO_TARGET_DIR:-$PWD/target}/fuzz}"

target="${1:-list}"
seconds="${2:-60}"
case "$target" in
list)
    cargo fuzz list --fuzz-dir . | grep -vx seeds
    exit
    ;;
build)
    exec cargo fuzz build --fuzz-dir . --sanitizer none
    ;;
esac

cargo fuzz build --fuzz-dir . --sanitizer none seeds
"$CARGO_TARGET_DIR/$(rustc -vV | sed -n 's/^host: //p')/release/seeds" ../crates/ingest/fixtures corpus
exec cargo fuzz run --fuzz-dir . --sanitizer none "$target" -- \
    -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=2048 -dict=json.dict -print_final_stats=1
