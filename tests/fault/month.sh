#!/bin/sh
# A shop's month with driven clocks, and a bridge that is off for three days of it; at its end the warehouse
# knows of each order what the API says. A few minutes for 10,000 orders.
#     sh tests/fault/month.sh [ORDERS]
# Builds into build/month; the PostgreSQL is its own.
set -eu

orders=${1:-10000}
cd "$(dirname "$0")/../.."
dir=$(mktemp -d "${TMPDIR:-/tmp}/waybill-month.XXXXXX")
chmod 755 "$dir"
cleanup() {
    sh tests/support/server.sh stop "$dir/pg" > /dev/null 2>&1 || true
    rm -rf "$dir"
}
trap cleanup EXIT

cmake -S . -B build/month -DCMAKE_BUILD_TYPE=RelWithDebInfo > "$dir/build.log"
cmake --build build/month -j2 --target waybill waybill-sandbox integration_test_month >> "$dir/build.log" || {
    tail -n 20 "$dir/build.log"
    exit 1
}
WAYBILL_TEST_DB=$(sh tests/support/server.sh start "$dir/pg")
export WAYBILL_TEST_DB
WAYBILL_REQUIRE_DB=1 WAYBILL_MONTH_ORDERS=$orders build/month/tests/integration_test_month
