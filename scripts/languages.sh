#!/bin/sh
# Installs the languages of docs/webhooks beside Node.js and Rust if the machine lacks them: Python, PHP and Go. It prints
# each step. As root on Debian and Ubuntu it installs the distribution's packages. Elsewhere it names the missing ones, and
# the test of the receivers skips them.
set -eu

say() { echo "languages.sh: $*" >&2; }

missing=
python3 -c 'import venv, ensurepip' >/dev/null 2>&1 || missing="$missing python3 python3-venv"
command -v php >/dev/null 2>&1 || missing="$missing php-cli"
command -v go >/dev/null 2>&1 || missing="$missing golang-go"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    say "not installed:$missing. The tests skip the webhook receivers in these languages."
    exit 0
fi
say "installing the distribution's packages$missing with apt-get"
export DEBIAN_FRONTEND=noninteractive
apt-cache policy php-cli 2>/dev/null | grep -q 'Candidate: [0-9]' || apt-get update >&2
# shellcheck disable=SC2086
apt-get install --yes --no-install-recommends $missing >&2 || say "could not install them: the tests skip those receivers"
