#!/bin/sh
# Runs Python 3 with the packages that tests need, in a virtual environment under the data folder: `scripts/python.sh
# file.py`. Without Python 3 and `venv` it prints a message and exits with 3. It installs nothing outside of that folder.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
data_dir="${INLET_DATA_DIR:-.inlet}"
# A relative path is relative to the project, whatever the working folder is.
case "$data_dir" in /*) ;; *) data_dir="$root/$data_dir" ;; esac
venv="$data_dir/python"
packages="standardwebhooks==1.1.0"

say() { echo "python.sh: $*" >&2; }

if ! python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 8))' >/dev/null 2>&1; then
    say "no Python 3.8 or later with venv: install python3 and python3-venv"
    exit 3
fi
if [ "$(cat "$venv/.installed" 2>/dev/null)" != "$packages" ]; then
    say "installing $packages in $venv"
    python3 -m venv "$venv" >&2
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check $packages >&2
    echo "$packages" >"$venv/.installed"
fi
exec "$venv/bin/python" "$@"
