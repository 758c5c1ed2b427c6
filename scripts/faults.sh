#!/bin/sh
# Puts one deliberate fault after another into a copy of the last commit (crates/simulator/faults/*.patch, one for each
# of P1 to P5), plays a short chaos against it, and expects the checker to find differences; without a fault it must
# find none. Arguments: the faults to try, e.g. `p2 p3`; default: `none` and all.
set -eu
cd "$(dirname "$0")/.."
root="$(pwd)"
target="$(mkdir -p "${CARGO_TARGET_DIR:-target}" && cd "${CARGO_TARGET_DIR:-target}" && pwd)"
# A target folder of their own, so that no faulty binary stands where the right one is looked for.
export CARGO_TARGET_DIR="$target/faults/build"
copy="$target/faults"
[ $# -gt 0 ] || set -- none p1 p2 p3 p4 p5

failed=0
for fault in "$@"; do
    rm -rf "$copy/source" "$copy/data"*
    mkdir -p "$copy/source"
    git archive HEAD | tar -x -C "$copy/source"
    if [ "$fault" != none ]; then
        patch --quiet --strip=1 --directory="$copy/source" < "$root/crates/simulator/faults/$fault.patch"
    fi
    (cd "$copy/source" && cargo build --quiet --package inlet-server --bin inlet)
    kills=0
    [ "$fault" != p1 ] || kills=5
    code=0
    "$CARGO_TARGET_DIR/debug/inlet" simulate --chaos --seed 1 --events "${INLET_FAULTS_EVENTS:-4000}" \
        --kills "$kills" --no-webhooks --data-dir "$copy/data" --report "$target/fault-$fault.json" > "$copy/out" 2>&1 || code=$?
    found=$(sed -n 's/^ *"kind": "\(.*\)",$/\1/p' "$target/fault-$fault.json" | sort | uniq -c | sort -rn |
        awk '{ printf "%s%s %s", separator, $1, $2; separator = ", " }')
    echo "$fault: exit $code: ${found:-no difference}"
    case "$fault-$code" in
        none-0) ;;
        none-*) failed=1 ;;
        *-1) [ -n "$found" ] || failed=1 ;;
        *) failed=1 ;;
    esac
done
rm -rf "$copy/source" "$copy/data"*
exit "$failed"
