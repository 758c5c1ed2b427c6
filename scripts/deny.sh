#!/bin/sh
# Holds the crates of Cargo.lock against deny.toml, and says what it could not check.
set -eu
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}

if ! command -v cargo-deny >/dev/null 2>&1; then
  echo "NOT CHECKED: licences, bans, sources and advisories of crates, for cargo-deny is not here." >&2
  echo "  Install it: cargo install --locked cargo-deny" >&2
  exit 0
fi
$cargo deny --log-level warn check bans licenses sources
# The database of advisories comes from github.com: where that cannot be reached, an advisory is no verdict on the crates.
if $cargo deny fetch db >/dev/null 2>&1; then
  $cargo deny --log-level warn check advisories
else
  echo "NOT CHECKED: advisories of crates, for the RustSec database cannot be reached from here." >&2
fi
