# shellcheck shell=bash
# What the scripts share. Sourced with the working directory anywhere; leaves
# it at the top of the source tree.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() {
    printf 'boxagnts: %s\n' "$*"
}

die() {
    printf 'boxagnts: %s\n' "$*" >&2
    exit 1
}

# What outlives one clone: the compiled engine, the guest compiler's objects.
cache_dir() {
    local dir=${BX_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-}/.cache}/boxagnts}
    [ -n "${BX_CACHE_DIR:-}${XDG_CACHE_HOME:-}${HOME:-}" ] ||
        die "HOME is not set; BX_CACHE_DIR=/some/folder names the cache"
    case $dir in
    /*) printf '%s\n' "$dir" ;;
    *) die "cache folder '$dir' (BX_CACHE_DIR or XDG_CACHE_HOME):" \
        "expected an absolute path" ;;
    esac
}
