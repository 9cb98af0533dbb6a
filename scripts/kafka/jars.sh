#!/usr/bin/env bash
# Prints the folder that has the broker's jars; the first time, Maven copies them there.
#
#   scripts/kafka/jars.sh               KAFKA_VERSION is another version than that of pom.xml
#
# Exit code 77 means that there is no Java (17 or newer), or no Maven to fetch the jars with.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

readonly SKIPPED=77
version=${KAFKA_VERSION:-$(sed -n 's|.*<kafka.version>\(.*\)</kafka.version>.*|\1|p' "$here/pom.xml")}
readonly FOLDER=${QUORATE_CACHE:-$HOME/.cache/quorate}/kafka/$version

java_release() { java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1; }

release=$(java_release || true)
if ! ((${release:-0} >= 17)); then
    echo "SKIPPED: a real Kafka needs Java 17 or newer; there is ${release:-none}" >&2
    exit "$SKIPPED"
fi
if [[ ! -e $FOLDER/complete ]]; then
    if ! command -v mvn >/dev/null; then
        echo "SKIPPED: a real Kafka needs Maven (mvn) the first time, to fetch its jars" >&2
        exit "$SKIPPED"
    fi
    echo "fetching Kafka $version into $FOLDER" >&2
    mkdir -p "$FOLDER"
    # Two that fetch at once would see each other's halves.
    exec 9>"$FOLDER/lock"
    flock 9
    if [[ ! -e $FOLDER/complete ]]; then
        timeout 600 mvn --batch-mode --quiet --file "$here/pom.xml" -Dkafka.version="$version" \
            dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$FOLDER/jars" >&2
        touch "$FOLDER/complete"
    fi
fi
echo "$FOLDER/jars"
