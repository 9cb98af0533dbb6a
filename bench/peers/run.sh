#!/usr/bin/env bash
# Holds Quorate's W1 against its peers: the same votes, the same result, one table of what it cost. See README.md.
#
#   bench/peers/run.sh [--votes FILE] [--only NAME,…] [--millions N] [--runs N] [--limit SECONDS]
#
# Votes are W1's, in millions (5), or those of a file. NAME is one of the peers below. A run that takes longer than the limit
# (an hour) is ended. What is needed is kept below CACHE (~/.cache/quorate/peers). QUORATE and QUORATE_BENCH are binaries
# to use instead of building them, PYTHON a Python to make the environments with.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.."

readonly CACHE=${CACHE:-$HOME/.cache/quorate/peers}
readonly DEFAULT=quorate,duckdb,spark,spark-stream,pathway,pathway-stream,bytewax,bytewax-windows,flink
# It takes far longer than all others together: it is run where it is named.
readonly SLOW=flink-functions
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${QUORATE_CACHE:-$HOME/.cache/quorate}/target}
export PYTHONDONTWRITEBYTECODE=1

usage() {
    sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    echo "peers: ${DEFAULT//,/ }; only where named: ${SLOW//,/ }" >&2
    exit 2
}

votes="" only=$DEFAULT millions=5 runs=1 limit=3600
while (($#)); do
    (($# > 1)) || usage
    case $1 in
        --votes) votes=$(realpath -e "$2") ;;
        --only) only=$2 ;;
        --millions) millions=$2 ;;
        --runs) runs=$2 ;;
        --limit) limit=$2 ;;
        *) usage ;;
    esac
    shift 2
done
for name in ${only//,/ }; do
    [[ ,$DEFAULT,$SLOW, == *",$name,"* ]] || usage
done

# Whoever is measured when this ends, ends too, with all its children.
measuring=""
end() {
    trap - EXIT
    [[ -z $measuring ]] || kill "$measuring" 2>/dev/null || true
    wait
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() { echo "peers: $*" >&2; }

# A Python that all peers have packages for, with venv.
base_python() {
    local candidate
    for candidate in ${PYTHON:-python3.11 python3.12 python3.10 \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[120].*/bin/python python3}; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

# Makes a virtual environment for a requirements file, once per content of it and Python, and prints its Python.
environment() {
    local requirements=$here/requirements-$1.txt base
    base=$(base_python) || { echo "no Python 3.10 to 3.12 with venv"; return 1; }
    local venv log=$CACHE/$1-install.log
    venv=$CACHE/$1-$({ "$base" --version; cat "$requirements"; } | cksum | cut -d ' ' -f 1)
    # Written last: one whose installation was cut short is made anew.
    if [[ ! -e $venv/complete ]]; then
        say "installing $1 with $("$base" --version)"
        rm -rf "$venv"
        if ! { "$base" -m venv "$venv" &&
            "$venv/bin/pip" install --disable-pip-version-check -r "$requirements"; } >"$log" 2>&1; then
            { grep -E '^ERROR' "$log" || tail -n 1 "$log"; } | head -n 1 | cut -c 1-200
            return 1
        fi
        touch "$venv/complete"
    fi
    echo "$venv/bin/python"
}

# The command that does W1, as the array `command`; $python runs it, its result is $out.
command_of() {
    case $1 in
        quorate) command=("$QUORATE" run "$folder/quorate/w1.toml" --workers 2 --quiet) ;;
        duckdb) command=("$python" "$here/w1_duckdb.py" "$votes" "$out") ;;
        spark) command=("$python" "$here/w1_spark.py" batch "$votes" "$out") ;;
        spark-stream) command=("$python" "$here/w1_spark.py" stream "$votes" "$out") ;;
        pathway) command=("$python" "$here/w1_pathway.py" static "$votes" "$out") ;;
        pathway-stream) command=("$python" "$here/w1_pathway.py" stream "$votes" "$out") ;;
        bytewax) command=("$python" -m bytewax.run --workers-per-process 2 w1_bytewax) ;;
        bytewax-windows) command=("$python" -m bytewax.run --workers-per-process 2 w1_bytewax_windows) ;;
        flink) command=("$python" "$here/w1_flink.py" "$votes" "$out") ;;
        flink-functions) command=("$python" "$here/w1_flink_functions.py" "$votes" "$out") ;;
    esac
}

# What Quorate decided, after its run: reading it is no part of what the peers do.
decisions() {
    "$QUORATE" query --job "$folder/quorate/w1.toml" --format csv \
        "SELECT task_id, answer, votes, state = 'quorate' AS quorate FROM decisions_final" >"$out"
    local left_out
    left_out=$("$QUORATE" query --job "$folder/quorate/w1.toml" --format csv \
        "SELECT coalesce(sum(late + rejected), 0) FROM conservation" | tail -n 1)
    ((left_out == 0)) || say "quorate took $left_out votes to be late or useless: the peers count them"
}

# The line of a log that says most about a failure.
why() {
    { grep -E '^[^[:space:]].*(Error|Exception)' "$1" || cat "$1"; } | tail -n 1 | tr '\t' ' ' | cut -c 1-200
}

# One run of a peer; adds a line to the report.
measure() {
    local name=$1 run=$2
    local out=$folder/$name.csv costs=$folder/$name-$run.json log=$folder/$name.log status=0 checksum command
    rm -rf "$out" "$out"-* "$folder/quorate/store"
    command_of "$name"
    say "$name, run $run"
    # Bytewax finds a flow by the name of its module; Flink and Spark put what they leave behind below TMPDIR.
    (cd "$here" && VOTES=$votes OUT=$out PATHWAY_THREADS=2 SPARK_LOCAL_IP=127.0.0.1 TMPDIR=$folder/tmp \
        exec python3 "$here/costs.py" "$costs" "$limit" "${command[@]}") >"$log" 2>&1 &
    measuring=$!
    wait "$measuring" || status=$?
    measuring=""
    if ((status != 0)); then
        say "$name failed, exit code $status: $log"
        printf '%s\t-\tfailed, exit code %s: %s\n' "$name" "$status" \
            "$(why "$log")" >>"$report"
        return 1
    fi
    [[ $name != quorate ]] || decisions
    if ! checksum=$(python3 "$here/checksum.py" "$out" 2>&1); then
        printf '%s\t-\tno result that can be read: %s\n' "$name" "$(tail -n 1 <<<"$checksum")" >>"$report"
        return 1
    fi
    printf '%s\t%s\t%s\n' "$name" "$costs" "$checksum" >>"$report"
}

mkdir -p "$CACHE"
if [[ -z $votes ]]; then
    votes=$CACHE/votes-$millions.jsonl
    if [[ ! -e $votes ]]; then
        say "making $millions million votes"
        bench=(cargo run --release --quiet --locked --manifest-path bench/Cargo.toml --)
        [[ -z ${QUORATE_BENCH:-} ]] || bench=("$QUORATE_BENCH")
        "${bench[@]}" votes "$votes" --millions "$millions"
    fi
fi
if [[ ,$only, == *,quorate,* && -z ${QUORATE:-} ]]; then
    cargo build --release --quiet --locked --package quorate
    QUORATE=$CARGO_TARGET_DIR/release/quorate
fi

readonly folder=$CACHE/run
readonly report=$folder/report.tsv
rm -rf "$folder"
mkdir -p "$folder/quorate" "$folder/votes" "$folder/tmp"
cp bench/w1.toml "$folder/quorate/"
ln -s "$votes" "$folder/quorate/votes.jsonl"
# Spark streams from a folder, where nothing else shall be.
ln -s "$votes" "$folder/votes/votes.jsonl"
votes=$folder/votes/votes.jsonl
: >"$report"

for name in ${only//,/ }; do
    python=""
    # What runs where: an environment serves all peers whose names begin with its own.
    if [[ $name != quorate ]] && ! python=$(environment "${name%%-*}"); then
        say "$name is left out: $python"
        printf '%s\t-\tnot installed: %s\n' "$name" "$(tr '\t' ' ' <<<"$python")" >>"$report"
        continue
    fi
    for ((run = 1; run <= runs; run++)); do
        measure "$name" "$run" || break
    done
done
python3 "$here/table.py" "$votes" "$report"
