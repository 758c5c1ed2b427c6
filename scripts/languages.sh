#!/bin/sh
# Makes sure that this machine has the languages of docs/webhooks beside Node.js and Rust: Python, PHP and Go, and says
# what it does. As root on Debian and Ubuntu it installs the distribution's packages; elsewhere it says which are missing,
# and the test of the receivers leaves those out and says so.
set -eu

say() { echo "languages.sh: $*" >&2; }

missing=
python3 -c 'import venv, ensurepip' >/dev/null 2>&1 || missing="$missing python3 python3-venv"
command -v php >/dev/null 2>&1 || missing="$missing php-cli"
command -v go >/dev/null 2>&1 || missing="$missing golang-go"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    say "not here:$missing. The webhook receivers in these languages are not tried."
    exit 0
fi
say "installing the distribution's packages$missing with apt-get"
export DEBIAN_FRONTEND=noninteractive
apt-cache policy php-cli 2>/dev/null | grep -q 'Candidate: [0-9]' || apt-get update >&2
# shellcheck disable=SC2086
apt-get install --yes --no-install-recommends $missing >&2 || say "they could not be had: those receivers are not tried"
