#!/usr/bin/env bash
# A rustc that instruments for coverage what libFuzzer watches: cargo calls it for the workspace's own crates
# (RUSTC_WORKSPACE_WRAPPER), so that the dependencies are those of every other build and are not compiled again.
# Without a sanitizer: there is no unsafe code of ours for one to watch.
set -euo pipefail

instrument=(
    -C passes=sancov-module
    -C llvm-args=-sanitizer-coverage-level=4
    -C llvm-args=-sanitizer-coverage-inline-8bit-counters
    -C llvm-args=-sanitizer-coverage-pc-table
    -C llvm-args=-sanitizer-coverage-trace-compares
    # Branches that were folded into one would count as one.
    -C llvm-args=-simplifycfg-branch-fold-threshold=0
    # The last word counts. Overflow checks and debug assertions stay as the profile has them.
    -C opt-level=3
)

case " $* " in
# What cargo asks of the compiler itself; nothing is compiled.
*" -vV "* | *" --crate-name ___ "*) exec "$@" ;;
# A program of the build, which links no libFuzzer.
*" --crate-name build_script_"*) exec "$@" ;;
*) exec "$@" "${instrument[@]}" ;;
esac
