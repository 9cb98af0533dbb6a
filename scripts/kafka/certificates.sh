#!/usr/bin/env bash
# Throw-away certificates in the folder $1, for the addresses behind it: an authority, the broker's and a client's
# certificate by it, and an authority and a client that the broker does not know. Valid for two days.
set -euo pipefail

cd "$1"
shift
names="DNS:localhost,IP:127.0.0.1,IP:::1"
for address in "$@"; do
    case $address in
    *[!0-9.]*) names+=",DNS:$address" ;;
    *) names+=",IP:$address" ;;
    esac
done

authority() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$2" \
        -keyout "$1.key" -out "$1.pem" 2>/dev/null
}

# signed NAME AUTHORITY COMMON_NAME EXTENSIONS
signed() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$3" \
        -keyout "$1.key" -out "$1.request" 2>/dev/null
    openssl x509 -req -in "$1.request" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days 2 \
        -extfile <(printf '%s\n' "$4") -out "$1.pem" 2>/dev/null
    rm "$1.request"
}

authority ca "throw-away authority"
signed broker ca broker "subjectAltName=$names"
signed client ca quorate "extendedKeyUsage=clientAuth"
authority stranger-ca "authority nobody trusts"
signed stranger stranger-ca stranger "extendedKeyUsage=clientAuth"
# As the broker wants it: key and chain in one file.
cat broker.key broker.pem >broker-store.pem
chmod 600 ./*.key broker-store.pem
