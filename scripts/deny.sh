#!/bin/sh
# Checks the crates of Cargo.lock against deny.toml, and names the checks that could not run.
set -eu
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}

if ! command -v cargo-deny >/dev/null 2>&1; then
  echo "NOT CHECKED: licences, bans, sources and advisories of crates, because cargo-deny is not installed." >&2
  echo "  Install it: cargo install --locked cargo-deny" >&2
  exit 0
fi
$cargo deny --log-level warn check bans licenses sources
# The database of advisories comes from github.com. If github.com cannot be reached, the check is skipped.
if $cargo deny fetch db >/dev/null 2>&1; then
  $cargo deny --log-level warn check advisories
else
  echo "NOT CHECKED: advisories of crates, because the RustSec database cannot be reached." >&2
fi
