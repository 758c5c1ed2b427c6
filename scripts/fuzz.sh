#!/bin/sh
# Runs one fuzz target for some seconds, with the providers' documented samples as seeds: `make fuzz ARGS="oneroute 600"`.
# `list` lists the targets; `build` builds them all. Findings go to fuzz/artifacts/<target>.
set -eu
cd "$(dirname "$0")/../fuzz"

if ! cargo fuzz --version >/dev/null 2>&1; then
    echo "cargo-fuzz is not installed. Install it: cargo install --locked cargo-fuzz" >&2
    exit 1
fi

# The instrumentation is a compiler option that stable refuses without RUSTC_BOOTSTRAP. No sanitizer: the project has no
# unsafe code, and without a sanitizer there are several times as many runs.
export RUSTC_BOOTSTRAP=1
# Instrumented artifacts must not mix with those of the workspace.
export CARGO_TARGET_DIR="${INLET_FUZZ_TARGET_DIR:-${CARGO_TARGET_DIR:-$PWD/target}/fuzz}"

target="${1:-list}"
seconds="${2:-60}"
case "$target" in
list)
    exec cargo fuzz list --fuzz-dir .
    ;;
build)
    exec cargo fuzz build --fuzz-dir . --sanitizer none
    ;;
esac

# The seeds are the documented samples. An adapter's input begins with a byte that chooses the end of the URL; for `custom`
# the byte chooses the mapping, and a line for the query follows.
fixtures=../crates/adapters/fixtures
plant() { # file, choice
    seed="corpus/$target/$(echo "$1" | tr / -)"
    case "$target" in
    signature | lenient) cat "$fixtures/$1" >"$seed" ;;
    custom) { printf '%s\n' "$2" && cat "$fixtures/$1"; } >"$seed" ;;
    *) { printf %s "$2" && cat "$fixtures/$1"; } >"$seed" ;;
    esac
}
mkdir -p "corpus/$target"
sed -n 's/.*"file": "\([^"]*\)", "provider": "\([^"]*\)".*"suffix": "*\([a-z:]*\).*/\1 \2 \3/p' "$fixtures/index.json" |
    while read -r file provider suffix; do
        case "$target" in signature | lenient | custom | "$provider") ;; *) continue ;; esac
        case "$suffix" in
        sms:unsubscription) plant "$file" 1 ;;
        whatsapp:unsubscription) plant "$file" 2 ;;
        rcs:unsubscription) plant "$file" 3 ;;
        voice:unsubscription) plant "$file" 4 ;;
        viber:unsubscription) plant "$file" 5 ;;
        *) plant "$file" 0 ;;
        esac
    done
# The mappings of the documentation, and the requests for them.
blocks() {
    awk -v folder="corpus/$target" '/^```json$/ { file = sprintf("%s/documented-%02d", folder, ++n); printf "%s", first > file; next }
        /^```$/ { file = ""; next } file { print > file }' first="$1" ../docs/custom-provider.md
}
case "$target" in
mapping) blocks "" ;;
custom) blocks "0\\n" ;;
esac
for path in "$fixtures"/malformed/*; do
    plant "malformed/${path##*/}" 0
done
exec cargo fuzz run --fuzz-dir . --sanitizer none "$target" -- \
    -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=2048 -dict=json.dict -print_final_stats=1
