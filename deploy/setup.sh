#!/usr/bin/env bash
# Everything a bare Debian machine with Rust, Python 3 and make lacks for earmark: compilers for the C parts,
# the optional decoder for rare codecs, Redis, PostgreSQL and pgBouncer for the tests, and the built-in engine under engine/. Does
# nothing the second time.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }
fail() { printf 'error: %s\n  hint: %s\n' "$1" "$2" >&2; exit 1; }

command -v cargo >/dev/null || fail "cargo is not installed" "install Rust: apt-get install rustup && rustup toolchain install 1.95.0"
command -v python3 >/dev/null || fail "python3 is not installed" "apt-get install python3"

# tool -> Debian package
declare -A packages=([cmake]=cmake [c++]=g++ [pkg-config]=pkg-config [ffmpeg]=ffmpeg [redis-server]=redis-server [openssl]=openssl)
missing=()
for tool in "${!packages[@]}"; do command -v "$tool" >/dev/null || missing+=("${packages[$tool]}"); done
# Debian keeps PostgreSQL's programs off the PATH, a folder a release.
has_postgres() { command -v initdb >/dev/null && command -v postgres >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }
has_postgres || missing+=(postgresql)
# Debian puts it where only root's PATH leads.
{ command -v pgbouncer >/dev/null || [ -x /usr/sbin/pgbouncer ]; } || missing+=(pgbouncer)
python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
if ((${#missing[@]})); then
    install="apt-get install -y --no-install-recommends -o Dpkg::Options::=--force-confold ${missing[*]}"
    if [ "$(id -u)" = 0 ]; then sudo=; elif sudo -n true 2>/dev/null; then sudo=sudo; else
        fail "missing: ${missing[*]}" "run as root: $install"
    fi
    say "installing ${missing[*]} (a minute or two, once)"
    # The tests start servers of their own: Debian's services must start neither now nor with the machine, and Debian's
    # cluster of PostgreSQL is not even made.
    services=()
    for package in redis-server postgresql pgbouncer; do
        if [[ " ${missing[*]} " == *" $package "* ]]; then services+=("$package"); fi
    done
    no_service=
    keep_quiet() {
        if [ -n "$no_service" ]; then $sudo rm -f "$no_service"; fi
        if command -v systemctl >/dev/null; then $sudo systemctl --quiet disable --now "${services[@]}" 2>/dev/null || true; fi
    }
    if ((${#services[@]})); then
        no_service=/usr/sbin/policy-rc.d
        if [ -e "$no_service" ]; then no_service=; else printf '#!/bin/sh\nexit 101\n' | $sudo install -m 755 /dev/stdin "$no_service"; fi
        trap keep_quiet EXIT
    fi
    cluster=/etc/postgresql-common/createcluster.conf
    if [[ " ${services[*]} " == *" postgresql "* && ! -e $cluster ]]; then
        $sudo mkdir -p "${cluster%/*}"
        printf '# The tests of earmark make clusters of their own.\ncreate_main_cluster = false\n' | $sudo install -m 644 /dev/stdin "$cluster"
    fi
    log=$(mktemp)
    { $sudo env DEBIAN_FRONTEND=noninteractive apt-get update -q && $sudo env DEBIAN_FRONTEND=noninteractive $install; } >"$log" 2>&1 ||
        { tail -n 15 "$log" >&2; fail "could not install ${missing[*]}" "run as root: apt-get update && $install"; }
    rm -f "$log"
    if ((${#services[@]})); then keep_quiet; trap - EXIT; fi
fi

deploy/engine.sh
