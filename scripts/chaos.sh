#!/bin/sh
# Plays one seed after another against two processes of a release build over one database, each seed on a new data
# folder, and compares the state with the expected one. Reports go to target/chaos/. Set SEEDS (default "1 .. 20"), EVENTS
# (50000) and KILLS (how often a process is killed with -9 during each seed; default 0). Arguments go to
# `inlet simulate` (--help).
set -eu
cd "$(dirname "$0")/.."
cargo build --release --package inlet-server --bin inlet
target="${CARGO_TARGET_DIR:-target}"
kills="${KILLS:-0}"
folder="$target/chaos/kills-$kills"
mkdir -p "$folder"
failed=0
for seed in ${SEEDS:-$(seq 1 20)}; do
    rm -rf "$folder/data" "$folder/data.log" "$folder/data.second.log"
    "$target/release/inlet" simulate --chaos --seed "$seed" --events "${EVENTS:-50000}" --kills "$kills" \
        --no-webhooks --data-dir "$folder/data" --report "$folder/seed-$seed.json" "$@" \
        > "$folder/seed-$seed.txt" 2>&1 || failed=1
    echo "seed $seed: $(grep -E '^(processes|posts|result)' "$folder/seed-$seed.txt" | tr -s ' ' | paste -sd ';')"
done
rm -rf "$folder/data"
exit "$failed"
