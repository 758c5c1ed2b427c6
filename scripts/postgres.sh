#!/bin/sh
# Installs a PostgreSQL server if the machine has none, and prints each step. `make run` and `make test` call it.
#
# As root on Debian and Ubuntu it installs the distribution's package, without the cluster that the package would start. As
# an ordinary user it unpacks the same packages under the data folder. Anywhere else it prints the command to run.
set -eu

data_dir="${INLET_DATA_DIR:-$(dirname "$0")/../.inlet}"
unpacked="$data_dir/postgres-unpacked"

say() { echo "postgres.sh: $*" >&2; }

# The places that `inlet` searches too, newest version first.
bindirs() {
    if command -v pg_config >/dev/null 2>&1; then pg_config --bindir 2>/dev/null || true; fi
    for folder in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/libexec/postgresql* \
        /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin \
        /Applications/Postgres.app/Contents/Versions/*/bin "$unpacked"/usr/lib/postgresql/*/bin; do
        echo "$folder"
    done
    echo "$PATH" | tr ':' '\n'
}

# The library folders of an unpacked copy; empty for an installed one.
libraries() {
    case "$1" in
    "$unpacked"/*) ls -d "$unpacked"/usr/lib/*-linux-* "$unpacked"/lib/*-linux-* 2>/dev/null | tr '\n' ':' ;;
    esac
}

runs() {
    [ -x "$1/initdb" ] && [ -x "$1/postgres" ] &&
        LD_LIBRARY_PATH="$(libraries "$1")" "$1/postgres" --version >/dev/null 2>&1 &&
        LD_LIBRARY_PATH="$(libraries "$1")" "$1/initdb" --version >/dev/null 2>&1
}

find_server() {
    bindirs | while read -r bindir; do
        if runs "$bindir"; then
            echo "$bindir"
            break
        fi
    done
}

has_package() { apt-cache policy "$1" 2>/dev/null | grep -q 'Candidate: [0-9]'; }

install_as_root() {
    say "no PostgreSQL server: installing the distribution's package 'postgresql' with apt-get"
    export DEBIAN_FRONTEND=noninteractive
    has_package postgresql || apt-get update >&2
    # By default the package makes a cluster and starts it at every boot. Inlet makes its own.
    apt-get install --yes --no-install-recommends postgresql-common >&2
    settings=/etc/postgresql-common/createcluster.conf
    before=$(mktemp)
    cp "$settings" "$before"
    echo 'create_main_cluster = false' >>"$settings"
    installed=0
    apt-get install --yes --no-install-recommends postgresql >&2 || installed=$?
    cat "$before" >"$settings"
    rm -f "$before"
    return "$installed"
}

# The lists of apt belong to root, and images often have none. So an ordinary user gets lists of their own.
own_lists() {
    mkdir -p "$unpacked/apt/lists/partial" "$unpacked/apt/cache/archives/partial"
    cat >"$unpacked/apt/apt.conf" <<CONF
Dir::State::Lists "$unpacked/apt/lists";
Dir::State::Status "/var/lib/dpkg/status";
Dir::Cache "$unpacked/apt/cache";
CONF
    APT_CONFIG="$unpacked/apt/apt.conf"
    export APT_CONFIG
    apt-get update >&2
}

depends() { apt-cache depends --no-recommends --no-suggests "$1" 2>/dev/null | sed -n 's/^ *|\{0,1\}Depends: \([a-z0-9][^ <>]*\)$/\1/p'; }

is_installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

unpack_as_user() {
    mkdir -p "$unpacked"
    unpacked=$(cd "$unpacked" && pwd)
    say "no PostgreSQL server, and no rights to install one: unpacking the distribution's packages in $unpacked"
    has_package postgresql || own_lists
    server=$(depends postgresql | grep '^postgresql-[0-9]*$' | head -n 1)
    [ -n "$server" ] || return 1
    debs="$unpacked/debs"
    mkdir -p "$debs"
    todo="$server postgresql-client-${server#postgresql-}"
    done_with=" "
    while [ -n "$todo" ]; do
        next=
        for package in $todo; do
            case "$done_with" in *" $package "*) continue ;; esac
            done_with="$done_with$package "
            say "unpacking $package"
            (cd "$debs" && apt-get download "$package" >&2) || return 1
            for needed in $(depends "$package"); do
                case "$needed" in
                # Needed only for JIT compilation, which is off.
                libllvm*) ;;
                lib*) is_installed "$needed" || next="$next $needed" ;;
                esac
            done
        done
        todo=$next
    done
    for deb in "$debs"/*.deb; do dpkg-deb -x "$deb" "$unpacked"; done
    rm -rf "$debs" "$unpacked/apt"
}

how_to_install() {
    if command -v dnf >/dev/null 2>&1; then
        echo "sudo dnf install postgresql-server"
    elif command -v apk >/dev/null 2>&1; then
        echo "sudo apk add postgresql"
    elif command -v pacman >/dev/null 2>&1; then
        echo "sudo pacman -S postgresql"
    elif command -v brew >/dev/null 2>&1; then
        echo "brew install postgresql@17"
    elif command -v zypper >/dev/null 2>&1; then
        echo "sudo zypper install postgresql-server"
    else
        echo "sudo apt-get install postgresql"
    fi
}

if [ -n "${DATABASE_URL:-}" ]; then exit 0; fi
if [ -n "${INLET_PG_BINDIR:-}" ]; then
    if runs "$INLET_PG_BINDIR"; then exit 0; fi
    say "INLET_PG_BINDIR is $INLET_PG_BINDIR, which has no runnable 'postgres' and 'initdb': set it to the folder of both, or unset it"
    exit 1
fi
if [ -n "$(find_server)" ]; then exit 0; fi

if command -v apt-get >/dev/null 2>&1 && command -v dpkg-deb >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ]; then install_as_root || true; else unpack_as_user || true; fi
    found=$(find_server)
    if [ -n "$found" ]; then
        say "PostgreSQL is in $found"
        exit 0
    fi
fi
say "could not install PostgreSQL. Run this, then try again: $(how_to_install)"
exit 1
