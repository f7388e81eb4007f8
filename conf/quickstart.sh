#!/bin/sh
# waybill in two minutes: a demo warehouse, a stand-in for the API, and the bridge between them.
#     sh conf/quickstart.sh [--keep]
#     sh conf/quickstart.sh --stop DIR
# Installs what is missing (Debian 12, as root or with sudo), builds into build/, and starts a
# private PostgreSQL and waybill-sandbox on free ports of loopback. All else stays in a temporary
# folder and is removed in the end; --keep leaves it running, --stop ends that.
set -eu

usage() {
    sed -n '2,7s/^# \{0,1\}//p' "$0"
    exit "$1"
}

keep=no
stop=
while [ $# -gt 0 ]; do
    case $1 in
    --keep) keep=yes ;;
    --stop)
        [ $# -ge 2 ] || usage 2 >&2
        stop=$2
        shift
        ;;
    -h | --help) usage 0 ;;
    *) usage 2 >&2 ;;
    esac
    shift
done

top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=conf/packages.sh
. "$top/conf/packages.sh"
waybill=$top/build/waybill
sandbox=$top/build/waybill-sandbox
started=$(date +%s)
dir=

note() {
    printf '\n-- %s\n' "$*"
}

fail() {
    echo "quickstart: $*" >&2
    exit 1
}

# stop_all DIR: only what was started there, and only if it still is what it was.
stop_all() {
    if [ -f "$1/sandbox.pid" ]; then
        pid=$(cat "$1/sandbox.pid")
        if grep -q waybill-sandbox "/proc/$pid/cmdline" 2> /dev/null; then
            kill "$pid" 2> /dev/null || true
        fi
    fi
    sh "$top/conf/private-postgres.sh" stop "$1/pg" > /dev/null 2>&1 || true
    rm -rf "$1"
}

cleanup() {
    code=$?
    trap '' INT TERM HUP
    if [ -n "$dir" ]; then
        if [ "$code" = 0 ] && [ "$keep" = yes ]; then
            return
        fi
        stop_all "$dir"
    fi
    exit "$code"
}

if [ -n "$stop" ]; then
    if [ ! -f "$stop/waybill.yaml" ] || [ ! -d "$stop/pg" ]; then
        fail "\"$stop\" is no folder of a quickstart"
    fi
    stop_all "$(cd "$stop" && pwd)"
    echo "stopped, and $stop is gone"
    exit 0
fi

trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

dir=$(mktemp -d "${TMPDIR:-/tmp}/waybill-quickstart.XXXXXX")
# PostgreSQL runs as another user when we are root, and has to get through here.
chmod 755 "$dir"

# logged NAME COMMAND...: its output is shown only when it fails.
logged() {
    log=$dir/$1.log
    shift
    "$@" > "$log" 2>&1 || {
        tail -n 30 "$log" >&2
        fail "failed: $*"
    }
}

sql() {
    psql -X -q -v ON_ERROR_STOP=1 -d "$url" "$@"
}

# What a reader would type; -c is left out of what is shown.
bridge() {
    printf '$ waybill %s\n' "$*"
    "$waybill" -c "$dir/waybill.yaml" "$@" || {
        code=$?
        fail "waybill $1 ended with $code"
    }
}

build() {
    logged configure cmake -S "$top" -B "$top/build"
    logged build cmake --build "$top/build" --target waybill waybill-sandbox \
        -j "$(nproc 2> /dev/null || echo 2)"
}

start_warehouse() {
    server=$(sh "$top/conf/private-postgres.sh" start "$dir/pg") || fail "PostgreSQL does not start"
    url=$server
    sql -c 'create database wms'
    url=${server%/*}/wms
    for file in demo_schema demo_view demo_generate; do
        logged "$file" sql -f "$top/sql/warehouse/$file.sql"
    done
    logged generate sql -c 'select wms.generate(400, 1), wms.generate_edge()'
}

# The sandbox knows the shop's orders, as the API would: that is where they came from.
start_sandbox() {
    sql -At -c 'table wms.api_orders' > "$dir/orders.jsonl"
    "$sandbox" --port-file "$dir/port" --rate 0 --orders "$dir/orders.jsonl" \
        > "$dir/sandbox.log" 2>&1 &
    echo $! > "$dir/sandbox.pid"
    tries=0
    until [ -s "$dir/port" ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt 200 ] || ! kill -0 "$(cat "$dir/sandbox.pid")" 2> /dev/null; then
            cat "$dir/sandbox.log" >&2
            fail "waybill-sandbox does not start"
        fi
        sleep 0.1
    done
    api=http://127.0.0.1:$(cat "$dir/port")
}

write_config() {
    (umask 077 && echo sk_test_sandbox > "$dir/api.key")
    cat > "$dir/waybill.yaml" << EOF
database:
  url: $url
warehouse:
  line_items: wms.waybill_line_items
  order_state_function: wms.set_order_state
api:
  base_url: $api
  key_file: $dir/api.key
  mode: test
  requests_per_second: 500
  settle_ms: 1000
EOF
}

compare() {
    curl -sS --max-time 30 "$api/_sandbox/applied" > "$dir/applied.csv"
    sql -At -f "$top/sql/warehouse/demo_agree.sql" < "$dir/applied.csv" ||
        fail "warehouse, ledger and API do not agree"
}

cd "$top"
# shellcheck disable=SC2086
packages_install "$dir/packages.log" $packages_to_build $packages_to_try || fail "packages"

note "building into build/"
build

note "a warehouse and a stand-in for the API"
start_warehouse
start_sandbox
write_config
echo "$(sql -At -c 'select count(*) from wms.orders') orders in wms, a configuration in $dir/waybill.yaml"

note "the ledger, beside the warehouse"
bridge init
logged feed sql -f "$top/sql/warehouse/demo_feed.sql"
echo "the warehouse's tables feed it (sql/warehouse/demo_feed.sql)"
bridge baseline --from nothing
bridge check

note "what a run would post"
bridge plan > "$dir/plan.txt"
sed -n '1,2p; /^230000/p' "$dir/plan.txt" | head -n 11
echo "... $(($(wc -l < "$dir/plan.txt") - 2)) lines"

note "the first run"
bridge run

note "the warehouse goes on: parcels, cancellations, new labels, returns"
sql -c 'select * from wms.work(400, 1, edits => false)'

note "the second run posts only what is new, the third has nothing to do"
bridge run
bridge run

note "where every unit is, in SQL"
sql -c 'select status, count(*) as lines, sum(posted_shipped) as posted_shipped,
               sum(posted_cancelled) as posted_cancelled, sum(due_shipped + due_cancelled) as due
          from waybill.report_line_items group by status order by status'
sql -c 'table waybill.report_backlog'
sql -c 'select order_id, shipment_ref, state, fulfillment_id, attempts, settled_at
          from waybill.report_submissions order by submission_id limit 5'
sql -c "select state as order_state_in_wms, count(*) as orders from wms.orders
          where state is not null group by state order by state"
sql -c 'table waybill.report_hourly'
bridge status

note "in the end"
compare
echo "$(($(date +%s) - started)) s"

if [ "$keep" = yes ]; then
    cat << EOF

Still running. To play with it:
  build/waybill -c $dir/waybill.yaml status
  psql $url
      select * from wms.work(100, 2, edits => false);
  build/waybill -c $dir/waybill.yaml run
  curl -s $api/_sandbox/stats
  curl -s $api/_sandbox/faults -d 'drop_after=0.3 503_before=0.2'
To end it:
  sh conf/quickstart.sh --stop $dir
EOF
fi
