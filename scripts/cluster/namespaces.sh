#!/usr/bin/env bash
# Machines for tests: network namespaces on a bridge of their own, each with an address, on this machine alone.
#
#   scripts/cluster/namespaces.sh make NAME COUNT     NAME-0 … at 10.77.0.1 …, all of them reaching each other
#   scripts/cluster/namespaces.sh in NAME I COMMAND   runs COMMAND on machine I
#   scripts/cluster/namespaces.sh down NAME I         pulls its cable; `up` puts it back
#   scripts/cluster/namespaces.sh worse NAME I …      makes its cable bad, both ways: loss 30% delay 500ms
#   scripts/cluster/namespaces.sh better NAME I       makes it good again
#   scripts/cluster/namespaces.sh remove NAME         everything, with whoever still runs there
#
# The bridge is in a namespace too (NAME-net): nothing of the machine's own network is touched, and nothing leaves it.
# Needs root and iproute2; exit code 77 means that this machine does not allow it. A bad cable is netem's where the kernel
# has that, and cable.py otherwise, which needs Python 3 and /dev/net/tun.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

readonly SKIPPED=77

usage() {
    sed -n '2,14s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
}

skip() {
    echo "skipped: $1" >&2
    exit "$SKIPPED"
}

make() {
    local name=$1 count=$2
    [[ $(id -u) == 0 ]] || skip "only root makes network namespaces"
    command -v ip >/dev/null || skip "there is no ip (Debian: apt-get install iproute2)"
    ip netns add "$name-net" 2>/dev/null || skip "no network namespace can be made here"
    trap 'remove "$name"' ERR
    ip -n "$name-net" link add bridge type bridge 2>/dev/null || {
        remove "$name"
        skip "no bridge can be made here"
    }
    ip -n "$name-net" link set bridge up
    for ((i = 0; i < count; i++)); do
        ip netns add "$name-$i"
        ip -n "$name-$i" link set lo up
        ip -n "$name-$i" link add eth0 type veth peer name "port$i" netns "$name-net"
        ip -n "$name-$i" addr add "10.77.0.$((i + 1))/24" dev eth0
        ip -n "$name-$i" link set eth0 up
        ip -n "$name-net" link set "port$i" master bridge up
    done
}

remove() {
    local name=$1 namespace pids
    for namespace in $(ip netns list | awk -v name="$name" '$1 ~ "^" name "-([0-9]+|net)$" { print $1 }'); do
        pids=$(ip netns pids "$namespace")
        # shellcheck disable=SC2086  # a list of numbers
        [[ -z $pids ]] || kill -KILL $pids 2>/dev/null || true
        ip netns delete "$namespace"
    done
}

worse() {
    local machine=$1
    shift
    command -v tc >/dev/null || skip "there is no tc (Debian: apt-get install iproute2)"
    if tc -n "$name-$machine" qdisc replace dev eth0 root netem "$@" 2>/dev/null; then
        tc -n "$name-net" qdisc replace dev "port$machine" root netem "$@"
        return
    fi
    command -v python3 >/dev/null || skip "this kernel has no netem, and there is no Python for another bad cable"
    [[ -c /dev/net/tun ]] || skip "this kernel has no netem, and there is no /dev/net/tun for another bad cable"
    # Its port leaves the bridge for one of its own, from where all goes through the cable.
    ip netns exec "$name-net" setsid python3 "$here/cable.py" "near$machine" "far$machine" "$@" </dev/null >/dev/null 2>&1 &
    for _ in {1..200}; do
        ! ip -n "$name-net" link show "far$machine" >/dev/null 2>&1 || break
        sleep 0.05
    done
    ip -n "$name-net" link add "cable$machine" type bridge
    ip -n "$name-net" link set "near$machine" master "cable$machine" up
    ip -n "$name-net" link set "far$machine" master bridge up
    ip -n "$name-net" link set "port$machine" master "cable$machine"
    ip -n "$name-net" link set "cable$machine" up
}

better() {
    if ip -n "$name-net" link show "cable$1" >/dev/null 2>&1; then
        ip -n "$name-net" link set "port$1" master bridge
        # The cable ends with its device.
        ip -n "$name-net" link delete "near$1"
        ip -n "$name-net" link delete "cable$1"
        return
    fi
    tc -n "$name-$1" qdisc delete dev eth0 root
    tc -n "$name-net" qdisc delete dev "port$1" root
}

[[ $# -ge 2 && $2 =~ ^[a-z][a-z0-9]{0,8}$ ]] || usage
command=$1 name=$2
shift 2
case $command in
make) make "$name" "$1" ;;
in) machine=$1 && shift && exec ip netns exec "$name-$machine" "$@" ;;
down | up) ip -n "$name-net" link set "port$1" "$command" ;;
worse) worse "$@" ;;
better) better "$1" ;;
remove) remove "$name" ;;
*) usage ;;
esac
