#!/bin/sh
# Several hosts, each in a network namespace of its own, for as long as you like: one is cut off again
# and again, one has a clock that is an hour wrong, one is far from the database; then 1, 2, 4 and 8
# workers share one allowance. Needs root and iproute2; nothing of it is seen outside.
#     sh tests/fault/hosts.sh [SECONDS] [SEED]
# Builds into build/soak. Default: 300 seconds of cutting off, a seed of the moment.
set -eu

case ${1:-} in
-h | --help)
    sed -n '2,6s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac
seconds=${1:-300}
seed=${2:-$(date +%s)}

cd "$(dirname "$0")/../.."
dir=$(mktemp -d "${TMPDIR:-/tmp}/waybill-hosts.XXXXXX")
chmod 755 "$dir"
cleanup() {
    trap '' INT TERM HUP
    for server in "$dir"/waybill-hosts-*; do
        [ ! -d "$server" ] || sh conf/private-postgres.sh stop "$server" > /dev/null 2>&1 || true
    done
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

{
    cmake -S . -B build/soak &&
        cmake --build build/soak -j 2 --target waybill waybill-sandbox wrong_clock fault_test_hosts
} > "$dir/build.log" 2>&1 || {
    tail -n 30 "$dir/build.log" >&2
    exit 1
}
TMPDIR=$dir
WAYBILL_TEST_DB=its-own
WAYBILL_HOSTS_SECONDS=$seconds
WAYBILL_FAULT_SEED=$seed
export TMPDIR WAYBILL_TEST_DB WAYBILL_HOSTS_SECONDS WAYBILL_FAULT_SEED
echo "hosts: $seconds s, seed $seed; again with: sh tests/fault/hosts.sh $seconds $seed"
build/soak/tests/fault_test_hosts
