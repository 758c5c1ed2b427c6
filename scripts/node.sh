#!/bin/sh
# Makes sure that this machine has Node.js and the npm packages of tests/clients, and says what it does. `make test` and
# `make check` call it. With arguments it then runs them: `scripts/node.sh node --version`.
#
# Where there is no Node: as root on Debian and Ubuntu it installs the distribution's packages; as an ordinary user on
# Linux it unpacks Node and npm under the data folder, from the npm registry, by checksum, which needs no rights;
# anywhere else it prints the command to type. Where all is there already, it needs no network.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
clients="$root/tests/clients"
data_dir="${INLET_DATA_DIR:-.inlet}"
# One that is relative is the project's, from whichever folder this is called.
case "$data_dir" in /*) ;; *) data_dir="$root/$data_dir" ;; esac
unpacked="$data_dir/node-unpacked"
registry="${npm_config_registry:-https://registry.npmjs.org}"

node_version=20.18.1
npm_version=10.9.4
sha512_x64=biH+kgnBm04H3vT/XFOH6q8tEOFyYtCKp9/ugInuegxdRjPD8GFqh/eQCZ9/sKScrJ83/TAY6P5ROm0vHMfglQ==
sha512_arm64=DuzCZZa5m5YfXoSTmyUuIMgSjzMSTQrBGRVZJ+2w64QWVN3jy+n7lSB69R6qmrXs8Mr8IfeV8MFhrPSGGkOTZQ==
sha512_npm=OnUG836FwboQIbqtefDNlyR0gTHzIfwRfE3DuiNewBvnMnWEpB0VEXwBlFVgqpNzIgYo/MHh3d2Hel/pszapAA==

say() { echo "node.sh: $*" >&2; }

# 18.18 is the oldest that the packages run on.
runs() {
    command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 && npm --version >/dev/null 2>&1 &&
        node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 18 || (a === 18 && b >= 18) ? 0 : 1)'
}

install_as_root() {
    say "no Node.js of 18.18 or later here: installing the distribution's packages 'nodejs' and 'npm' with apt-get"
    export DEBIAN_FRONTEND=noninteractive
    apt-cache policy npm 2>/dev/null | grep -q 'Candidate: [0-9]' || apt-get update >&2
    apt-get install --yes --no-install-recommends nodejs npm >&2
}

# Fetches a package of the registry into a folder; its SHA-512 is in base64, as npm writes it.
fetch() {
    archive="$unpacked/package.tgz"
    say "fetching $registry/$1"
    if command -v curl >/dev/null 2>&1; then
        curl --fail --silent --show-error --location --output "$archive" "$registry/$1" || return 1
    else
        wget --quiet --output-document="$archive" "$registry/$1" || return 1
    fi
    want=$(echo "$2" | base64 -d | od -An -v -tx1 | tr -d ' \n')
    if ! echo "$want  $archive" | sha512sum --check --status; then
        say "$registry/$1 is not what it should be"
        return 1
    fi
    mkdir -p "$3"
    tar -xzf "$archive" -C "$3" --strip-components=1
    rm -f "$archive"
}

unpack_as_user() {
    case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) arch=x64 sum=$sha512_x64 ;;
    Linux-aarch64) arch=arm64 sum=$sha512_arm64 ;;
    *) return 1 ;;
    esac
    say "no Node.js of 18.18 or later here, and no rights to install one: unpacking Node $node_version in $unpacked"
    rm -rf "$unpacked"
    mkdir -p "$unpacked"
    fetch "node-linux-$arch/-/node-linux-$arch-$node_version.tgz" "$sum" "$unpacked/node" &&
        fetch "npm/-/npm-$npm_version.tgz" "$sha512_npm" "$unpacked/npm" || return 1
    printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$unpacked/node/bin/node" "$unpacked/npm/bin/npm-cli.js" >"$unpacked/node/bin/npm"
    chmod +x "$unpacked/node/bin/npm"
}

if ! runs; then PATH="$unpacked/node/bin:$PATH"; fi
if ! runs; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then install_as_root || true; else unpack_as_user || true; fi
    if ! runs; then
        say "Node.js could not be fetched. Install Node.js 18.18 or later with npm, then try again: https://nodejs.org/en/download"
        exit 1
    fi
    say "Node.js is $(node --version) in $(command -v node)"
fi

# The lock file that the packages were installed by lies beside them.
if ! cmp -s "$clients/package-lock.json" "$clients/node_modules/.installed-by"; then
    say "installing the npm packages of tests/clients"
    (cd "$clients" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error >&2)
    cp "$clients/package-lock.json" "$clients/node_modules/.installed-by"
fi

if [ $# -gt 0 ]; then exec "$@"; fi
