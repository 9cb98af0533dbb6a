#!/usr/bin/env bash
# Makes a Python that has the readers of requirements.txt, once per content of that file, and prints its path.
# Exit code 77: there is no Python 3.10 or later with venv, or the packages are out of reach.
set -euo pipefail

readonly SKIPPED=77
cd "$(dirname "${BASH_SOURCE[0]}")"
content=$(cksum <requirements.txt | cut -d ' ' -f 1)
readonly VENV=${QUORATE_CACHE:-$HOME/.cache/quorate}/readers-$content

# Written last: a venv whose installation was cut short is made anew.
if [[ ! -e $VENV/complete ]]; then
    if ! python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
        echo "SKIPPED: the readers need python3 (3.10 or later) with venv" >&2
        exit "$SKIPPED"
    fi
    rm -rf "$VENV"
    python3 -m venv "$VENV"
    if ! "$VENV/bin/pip" install --quiet --disable-pip-version-check -r requirements.txt >&2; then
        echo "SKIPPED: the packages of scripts/readers/requirements.txt could not be installed" >&2
        exit "$SKIPPED"
    fi
    touch "$VENV/complete"
fi
echo "$VENV/bin/python"
