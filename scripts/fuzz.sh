#!/usr/bin/env bash
# Coverage-guided fuzzing of what reads bytes that anybody may have written (libFuzzer, with the stable compiler).
#
#   scripts/fuzz.sh                  every target, a minute each
#   scripts/fuzz.sh TARGET           one of: row job record
#   scripts/fuzz.sh TARGET SECONDS   for so long (all: every target)
#
# A target begins with its seeds and with what earlier runs found, which is kept in $QUORATE_CACHE/fuzz/TARGET/corpus
# (default ~/.cache/quorate), never in the repository. An input that breaks a property is kept beside it in `broken`.
# What the targets demand is in scripts/fuzz/src. Exit code 77 means skipped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly SKIPPED=77
readonly TARGETS=(row job record)
export QUORATE_CACHE=${QUORATE_CACHE:-$HOME/.cache/quorate}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$QUORATE_CACHE/target}
readonly FOLDER=$QUORATE_CACHE/fuzz
readonly LIMITS=(
    # Every rule can be broken within this, and a mutation of a long input rarely is a new one.
    -max_len=65536
    # Of the whole process. An input that takes more, or longer, is a finding like any other.
    -rss_limit_mb=1024
    -timeout=10
)

usage() {
    echo "usage: scripts/fuzz.sh [all|row|job|record] [SECONDS]" >&2
    exit 2
}

wanted=${1:-all}
seconds=${2:-60}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || usage
case $wanted in
all) targets=("${TARGETS[@]}") ;;
row | job | record) targets=("$wanted") ;;
*) usage ;;
esac

# libFuzzer is C++; nothing else here needs a compiler for it.
if ! command -v "${CXX:-c++}" >/dev/null; then
    echo "SKIPPED: there is no C++ compiler (${CXX:-c++}) to build libFuzzer with"
    exit "$SKIPPED"
fi

# --workspace although three binaries are wanted: features of dependencies are those of all members together, and with
# others the dependencies would be compiled again.
build() {
    local bins=() target
    for target in "${TARGETS[@]}"; do bins+=(--bin "fuzz-$target"); done
    RUSTC_WORKSPACE_WRAPPER="$PWD/scripts/fuzz/rustc.sh" \
        cargo build --quiet --locked --workspace --features quorate-fuzz/libfuzzer "${bins[@]}"
}

# Seeds of a target, a file each, into the folder $2. All of them are synthetic.
seeds() {
    local nr=0 line path first second
    case $1 in
    row)
        while IFS= read -r line; do
            printf '%s' "$line" >"$2/row-$((nr += 1))"
        done <scripts/fuzz/seeds/rows.txt
        ;;
    job)
        cp runtime/tests/jobs/*/*.toml "$2/"
        # Its comments are most of it, and no code of ours reads them.
        sed 's/ *#.*//; /^$/d' runtime/src/job/reference.toml >"$2/reference.toml"
        ;;
    record)
        cp schemas/src/log/golden/*.json "$2/"
        for first in "$2"/*.json; do
            for second in "$2"/*.json; do
                path="$2/$(basename "$first" .json)-before-$(basename "$second" .json)"
                { cat "$first" && echo && cat "$second"; } >"$path"
            done
        done
        ;;
    esac
}

# The words of the seeds, since mutation alone would not spell one.
words() {
    cat "$1"/* | grep -aoE '[A-Za-z_][A-Za-z0-9_-]*' | LC_ALL=C sort -u | sed 's/.*/"&"/'
}

prepare() {
    local here=$FOLDER/$1
    rm -rf "$here/seeds"
    mkdir -p "$here/seeds" "$here/corpus" "$here/broken"
    seeds "$1" "$here/seeds"
    words "$here/seeds" >"$here/words"
}

fuzz() {
    local target=$1 here=$FOLDER/$1 log=$FOLDER/$1/log input status=0
    local binary=$CARGO_TARGET_DIR/debug/fuzz-$1
    "$binary" "${LIMITS[@]}" -max_total_time="$seconds" -print_final_stats=1 -use_value_profile=1 \
        -dict="$here/words" -artifact_prefix="$here/broken/" "$here/corpus" "$here/seeds" >"$log" 2>&1 || status=$?
    if ((status)); then
        # What the property said, then libFuzzer's own words.
        grep -av -E '^#[0-9]|^stat::|NEW_FUNC' "$log" | tail -n 30
        input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
        echo "fuzz $target: BROKEN by ${input:-an input that was not kept, see $log}"
        echo "  again:    $binary $input"
        echo "  smaller:  $binary -minimize_crash=1 -max_total_time=60 $input"
        return 1
    fi
    summary "$target" "$log"
}

summary() {
    local runs rate coverage
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$2")
    rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$2")
    coverage=$(grep -ao 'cov: [0-9]* ft: [0-9]* corp: [^ ]*' "$2" | tail -n 1)
    # cov: edges of our code that were reached; ft: those and what was compared on the way; corp: inputs/bytes.
    echo "fuzz $1: ok, $runs runs in $seconds s ($rate/s), $coverage"
}

build
failed=0
for target in "${targets[@]}"; do
    prepare "$target"
    fuzz "$target" || failed=1
done
exit "$failed"
