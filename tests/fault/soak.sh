#!/bin/sh
# All faults at once, for as long as you like; what failed says which seed replays it.
#     sh tests/fault/soak.sh [SECONDS] [SEED]
# Builds into build/soak and starts a private PostgreSQL. Default: 600 seconds, a seed of the moment.
set -eu

case ${1:-} in
-h | --help)
    sed -n '2,4s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac
seconds=${1:-600}
seed=${2:-$(date +%s)}

cd "$(dirname "$0")/../.."
dir=$(mktemp -d "${TMPDIR:-/tmp}/waybill-soak.XXXXXX")
chmod 755 "$dir"
cleanup() {
    trap '' INT TERM HUP
    sh tests/support/server.sh stop "$dir/pg" > /dev/null 2>&1 || true
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

[ -f build/soak/CMakeCache.txt ] || cmake -S . -B build/soak > "$dir/build.log" 2>&1
cmake --build build/soak -j 2 --target waybill waybill-sandbox fault_test_mixed \
    > "$dir/build.log" 2>&1 || {
    tail -n 30 "$dir/build.log" >&2
    exit 1
}
WAYBILL_TEST_DB=$(sh tests/support/server.sh start "$dir/pg")
mkdir "$dir/tmp"
TMPDIR=$dir/tmp
WAYBILL_FAULT_SECONDS=$seconds
WAYBILL_FAULT_SEED=$seed
export WAYBILL_TEST_DB TMPDIR WAYBILL_FAULT_SECONDS WAYBILL_FAULT_SEED
echo "soak: $seconds s, seed $seed; again with: sh tests/fault/soak.sh $seconds $seed"
build/soak/tests/fault_test_mixed
