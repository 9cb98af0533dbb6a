#!/usr/bin/env bash
# Starts one Apache Kafka broker (KRaft, no ZooKeeper) in the folder DIR, and waits until it answers.
#
#   scripts/kafka/start.sh DIR                 on free ports of 127.0.0.1, in the background
#   scripts/kafka/start.sh DIR --host 10.0.0.2 on that address of this machine, and advertised as that
#   scripts/kafka/start.sh DIR --port 19092    on that port and the four after it
#   scripts/kafka/start.sh DIR --foreground    stays, and ends the broker when it is ended itself
#   scripts/kafka/start.sh DIR --attached      stays, and ends the broker when its standard input ends: with its caller
#
# A folder in which a broker was before is taken up again, with its ports and what its topics hold: that is a restart.
# DIR/kafka.env says where it listens and with what one gets in; DIR/broker.log is what it said. All of it is for tests:
# the passwords stand in this file. Exit code 77 means that there is no Java, or no Maven to fetch the jars with.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

readonly PATIENCE_S=90
readonly PLAIN_PASSWORD=plain-secret
readonly SCRAM_PASSWORD=scram-secret

usage() {
    echo "usage: scripts/kafka/start.sh DIR [--host ADDRESS] [--port FIRST] [--foreground|--attached]" >&2
    exit 2
}

[[ -n ${1:-} && ${1:0:2} != -- ]] || usage
mkdir -p "$1"
dir=$(cd "$1" && pwd)
shift
host=127.0.0.1
first=""
stays=""
while (($#)); do
    case $1 in
    --host) host=${2:?} && shift 2 ;;
    --port) first=${2:?} && shift 2 ;;
    --foreground | --attached) stays=${1#--} && shift ;;
    *) usage ;;
    esac
done

jars=$("$here/jars.sh")

taken() { (exec 3<>"/dev/tcp/$host/$1") 2>/dev/null; }

# Below what the system gives to outgoing connections, or one of those could sit on a port when the broker comes back.
free_ports() {
    local port offset
    for _ in {1..100}; do
        port=$((15000 + RANDOM % 16000))
        for offset in 0 1 2 3 4; do
            ! taken $((port + offset)) || continue 2
        done
        echo "$port"
        return
    done
    echo "no five free ports in a row were found on $host" >&2
    return 1
}

if [[ -e $dir/first-port ]]; then
    read -r host first <"$dir/first-port"
else
    first=${first:-$(free_ports)}
    echo "$host $first" >"$dir/first-port"
fi
readonly PLAINTEXT=$host:$first SSL=$host:$((first + 1)) SASL=$host:$((first + 2)) SASL_SSL=$host:$((first + 3))
readonly CONTROLLER=$host:$((first + 4))

settings() {
    local plain="org.apache.kafka.common.security.plain.PlainLoginModule required user_plain=\"$PLAIN_PASSWORD\";"
    local scram="org.apache.kafka.common.security.scram.ScramLoginModule required;"
    local listener mechanism
    cat <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@$CONTROLLER
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://$PLAINTEXT,SSL://$SSL,SASL_PLAINTEXT://$SASL,SASL_SSL://$SASL_SSL,CONTROLLER://$CONTROLLER
advertised.listeners=PLAINTEXT://$PLAINTEXT,SSL://$SSL,SASL_PLAINTEXT://$SASL,SASL_SSL://$SASL_SSL
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
inter.broker.listener.name=PLAINTEXT
log.dirs=$dir/log

# Clients show a certificate on SSL; on SASL_SSL a password is enough.
ssl.keystore.type=PEM
ssl.keystore.location=$dir/certificates/broker-store.pem
ssl.truststore.type=PEM
ssl.truststore.location=$dir/certificates/ca.pem
listener.name.ssl.ssl.client.auth=required
listener.name.sasl_ssl.ssl.client.auth=none
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
END
    for listener in sasl_plaintext sasl_ssl; do
        echo "listener.name.$listener.plain.sasl.jaas.config=$plain"
        for mechanism in scram-sha-256 scram-sha-512; do
            echo "listener.name.$listener.$mechanism.sasl.jaas.config=$scram"
        done
    done
    cat <<END

# One machine, and tests that do not wait: a suite asks for the topics that it wants.
auto.create.topics.enable=false
num.partitions=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
# Records of tests carry the times of their rows, which may be years ago: those must not be swept away.
log.retention.ms=-1
log.cleaner.backoff.ms=200
log.segment.delete.delay.ms=500
log.cleaner.dedupe.buffer.size=4194304
num.network.threads=2
num.io.threads=4
controlled.shutdown.enable=false
# A broker that was killed comes back once the controller has given the former one up.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
END
}

java_with() {
    # A broker that lives for a minute: the quick compiler, one collector thread, a small heap.
    exec java -Xmx512m -Xms128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto \
        -Dlog4j2.configurationFile="$here/log4j2.properties" -Dquorate.broker="$dir" -cp "$jars/*" "$@"
}

if [[ ! -e $dir/certificates/broker-store.pem ]]; then
    mkdir -p "$dir/certificates"
    "$here/certificates.sh" "$dir/certificates" "$host"
fi
settings >"$dir/server.properties"
if [[ ! -e $dir/log/meta.properties ]]; then
    # Sixteen bytes of any kind, in the alphabet of its ids.
    id=$(head -c 16 /dev/urandom | base64 | tr '+/' 'ab' | tr -d '=')
    if ! (java_with kafka.tools.StorageTool format --cluster-id "$id" --config "$dir/server.properties" \
        --add-scram "SCRAM-SHA-256=[name=scram256,password=$SCRAM_PASSWORD]" \
        --add-scram "SCRAM-SHA-512=[name=scram512,password=$SCRAM_PASSWORD]") >"$dir/format.log" 2>&1; then
        cat "$dir/format.log" >&2
        exit 1
    fi
fi

if [[ -e $dir/kafka.pid ]] && kill -0 "$(cat "$dir/kafka.pid")" 2>/dev/null; then
    echo "a broker is running in $dir already; scripts/kafka/stop.sh $dir ends it" >&2
    exit 1
fi
# In a session of its own and without our descriptors: it outlives this script, and holds no pipe of who started it open.
(trap '' HUP && cd / && java_with kafka.Kafka "$dir/server.properties" </dev/null >"$dir/broker.log" 2>&1 9>&-) &
pid=$!
echo "$pid" >"$dir/kafka.pid"
if [[ -n $stays ]]; then
    trap '"$here/stop.sh" "$dir"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
fi

cat >"$dir/kafka.env.new" <<END
KAFKA_PID=$pid
KAFKA_DIR=$dir
KAFKA_VERSION=$(basename "$(dirname "$jars")")
# No security; TLS with a client's certificate required; a password; a password under TLS.
KAFKA_PLAINTEXT=$PLAINTEXT
KAFKA_SSL=$SSL
KAFKA_SASL_PLAINTEXT=$SASL
KAFKA_SASL_SSL=$SASL_SSL
KAFKA_CA=$dir/certificates/ca.pem
KAFKA_CLIENT_CERTIFICATE=$dir/certificates/client.pem
KAFKA_CLIENT_KEY=$dir/certificates/client.key
# Whom the broker does not know, and an authority that is not its own.
KAFKA_STRANGER_CA=$dir/certificates/stranger-ca.pem
KAFKA_STRANGER_CERTIFICATE=$dir/certificates/stranger.pem
KAFKA_STRANGER_KEY=$dir/certificates/stranger.key
# Mechanism PLAIN; SCRAM-SHA-256; SCRAM-SHA-512.
KAFKA_PLAIN_USER=plain
KAFKA_PLAIN_PASSWORD=$PLAIN_PASSWORD
KAFKA_SCRAM256_USER=scram256
KAFKA_SCRAM512_USER=scram512
KAFKA_SCRAM_PASSWORD=$SCRAM_PASSWORD
END
mv "$dir/kafka.env.new" "$dir/kafka.env"

until=$((SECONDS + PATIENCE_S))
until grep -q 'Kafka Server started' "$dir/broker.log" 2>/dev/null; do
    if ! kill -0 "$pid" 2>/dev/null; then
        tail -n 30 "$dir/broker.log" >&2
        echo "the broker ended; all that it said: $dir/broker.log" >&2
        exit 1
    fi
    if ((SECONDS > until)); then
        "$here/stop.sh" "$dir"
        echo "the broker was not ready after $PATIENCE_S s; what it said: $dir/broker.log" >&2
        exit 1
    fi
    sleep 0.1
done
echo "kafka: ready at $PLAINTEXT, its settings in $dir/kafka.env"
case $stays in
foreground) wait "$pid" ;;
# Nobody writes to it: the read ends when whoever holds the other end is gone, however that went.
attached) cat >/dev/null ;;
esac
