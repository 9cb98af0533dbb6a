#!/usr/bin/env bash
# Readable elsewhere: while a run goes on, Polars, pyarrow and DuckDB read its Delta tables again and again, and none of
# them may see half a commit. Afterwards they must agree, with each other and with `quorate query`.
#
#   scripts/readers/run.sh              PYTHON is a Python that has requirements.txt; else python.sh makes one
#
# Needs no network but to install these packages. Exit code 77 means skipped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${QUORATE_CACHE:-$HOME/.cache/quorate}/target}
export PYTHONDONTWRITEBYTECODE=1
PYTHON=${PYTHON:-$(scripts/readers/python.sh)}

folder=$(mktemp -d)
checking=""
# The check ends the runs it began when it is told to end itself.
clean_up() {
    trap - EXIT INT TERM
    if [[ -n $checking ]]; then
        kill "$checking" 2>/dev/null || true
        wait "$checking" 2>/dev/null || true
    fi
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The binary under test: QUORATE, or one that is built now.
if [[ -z ${QUORATE:-} ]]; then
    cargo build --package quorate --locked
    QUORATE=$CARGO_TARGET_DIR/debug/quorate
fi
# Other checkouts build into the same folder: what is tested must stay what was built.
cp "$QUORATE" "$folder/quorate"

# Some of everything that a table can hold: colluders, orders, gold, late and broken lines.
"$folder/quorate" generate "$folder/fleet" --tasks 1200 --agents 30 --seed 5 --orders 12 --versions 2 \
    --gold-share 0.1 --bad-rows-share 0.01 --late-share 0.01 >/dev/null

"$PYTHON" scripts/readers/check.py "$folder/quorate" "$folder/fleet" &
checking=$!
status=0
wait "$checking" || status=$?
checking=""
exit "$status"
