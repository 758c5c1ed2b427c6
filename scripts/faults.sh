#!/bin/sh
# Puts one deliberate fault after another into a copy of the last commit (crates/simulator/faults/*.patch, one for each
# of P1 to P5), runs a short chaos against it, and expects the checker to find differences. Without a fault it must find
# none. Arguments: the faults to try, e.g. `p2 p3`; default: `none` and all. EVENTS is the number of events (8000).
set -eu
cd "$(dirname "$0")/.."
target="$(mkdir -p "${CARGO_TARGET_DIR:-target}" && cd "${CARGO_TARGET_DIR:-target}" && pwd)"
folder="$target/faults"
# A target folder of its own, so that no faulty binary replaces the right one.
export CARGO_TARGET_DIR="$folder/build"
[ $# -gt 0 ] || set -- none p1 p2 p3 p4 p5

rm -rf "$folder/source"
mkdir -p "$folder/source"
# Cargo rebuilds by file times, so `tar -m` and `patch` give each changed file a new time.
git archive HEAD | tar -x -m -C "$folder/source"
cd "$folder/source"
failed=0
for fault in "$@"; do
    patch="crates/simulator/faults/$fault.patch"
    [ "$fault" = none ] || patch --quiet --strip=1 --input="$patch"
    cargo build --quiet --package inlet-server --bin inlet
    kills=0
    # Only a kill loses the requests that were answered too early.
    [ "$fault" != p1 ] || kills=5
    code=0
    report="$folder/$fault.json"
    rm -rf "$folder/data"* "$report"
    "$CARGO_TARGET_DIR/debug/inlet" simulate --chaos --seed 1 --events "${EVENTS:-8000}" --kills "$kills" --no-webhooks \
        --data-dir "$folder/data" --report "$report" > "$folder/$fault.txt" 2>&1 || code=$?
    found="$(sed -n 's/^ *"kind": "\(.*\)",$/\1/p' "$report" | sort | uniq -c | sort -rn |
        awk '{ printf "%s%s %s", comma, $1, $2; comma = ", " }')"
    echo "$fault: ${found:-no difference} (exit $code)"
    if [ "$fault" = none ]; then
        [ "$code" -eq 0 ] || failed=1
    else
        [ "$code" -ne 0 ] && [ -n "$found" ] || failed=1
        patch --quiet --strip=1 --reverse --input="$patch"
    fi
done
rm -rf "$folder/source" "$folder/data"*
exit "$failed"
