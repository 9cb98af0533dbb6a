#!/usr/bin/env bash
# Licences, bans and sources of every crate in Cargo.lock (deny.toml); with `advisories`, known vulnerabilities too.
#
# cargo-deny is installed on first use, at one version, built without optimisation: a minute instead of five, and a
# check takes three seconds either way. Exit code 77 means skipped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly VERSION=0.20.2
readonly SKIPPED=77
readonly TOOLS=${QUORATE_CACHE:-$HOME/.cache/quorate}/tools
export PATH="$TOOLS/bin:$PATH"

install_pinned() {
    [[ "$(cargo deny --version 2>/dev/null)" == "cargo-deny $VERSION" ]] && return
    echo "installing cargo-deny $VERSION into $TOOLS"
    CARGO_TARGET_DIR="$TOOLS/build" CARGO_PROFILE_DEV_DEBUG=0 \
        cargo install cargo-deny --version "$VERSION" --locked --debug --quiet --force --root "$TOOLS"
    rm -rf "$TOOLS/build"
}

# The advisories live in a git repository, which an isolated machine doesn't reach.
advisories_reachable() {
    GIT_TERMINAL_PROMPT=0 timeout 30 \
        git ls-remote --quiet --exit-code https://github.com/RustSec/advisory-db HEAD >/dev/null 2>&1
}

case ${1:-} in
"")
    install_pinned
    cargo deny --locked check licenses bans sources
    ;;
advisories)
    if ! advisories_reachable; then
        echo "SKIPPED: the advisory database is out of reach, so no crate was checked for known vulnerabilities"
        exit "$SKIPPED"
    fi
    install_pinned
    cargo deny --locked check advisories
    ;;
*)
    echo "usage: scripts/deny.sh [advisories]" >&2
    exit 2
    ;;
esac
