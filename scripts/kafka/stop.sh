#!/usr/bin/env bash
# Ends the broker that scripts/kafka/start.sh started in DIR. What its topics hold stays in DIR.
#
#   scripts/kafka/stop.sh DIR           asks it to end, and kills it if it has not after 20 s
#   scripts/kafka/stop.sh DIR --kill    kills it at once, as a crash would
set -euo pipefail

dir=$(cd "${1:?usage: scripts/kafka/stop.sh DIR [--kill]}" && pwd)
[[ -e $dir/kafka.pid ]] || exit 0
pid=$(cat "$dir/kafka.pid")

# A number may be another program's by now: the broker has its folder in its arguments.
ours() { tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qxF -- "-Dquorate.broker=$dir"; }

if ours; then
    if [[ ${2:-} == --kill ]]; then
        kill -KILL "$pid"
    else
        kill -TERM "$pid"
    fi
    for _ in {1..200}; do
        ours || break
        sleep 0.1
    done
    ! ours || kill -KILL "$pid"
fi
rm -f "$dir/kafka.pid"
