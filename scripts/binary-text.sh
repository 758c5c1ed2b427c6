#!/bin/sh
# Compiles the binary `inlet` alone and fails where its own code is more than 1 MB. The libraries hold the code. The binary
# grows where a generic function or an async body is compiled in it once more: box the border in the library instead (ADR 0018).
set -eu
cd "$(dirname "$0")/.."
MOST=1000000
target="${CARGO_TARGET_DIR:-target}"
rm -f "$target"/debug/deps/inlet-*.o
"${CARGO:-cargo}" rustc --package inlet-server --bin inlet --quiet -- --emit=obj -C codegen-units=1
text=$(size "$target"/debug/deps/inlet-*.o | awk 'NR > 1 { sum += $1 } END { print sum }')
rm -f "$target"/debug/deps/inlet-*.o
[ "$text" -le "$MOST" ] || { echo "the code of the binary alone is $text bytes, more than $MOST: box a border in the library"; exit 1; }
echo "the code of the binary alone is $text bytes"
