#!/bin/sh
# The benchmark's own programs do what the benchmark believes: the stand-in counts, echoes, holds back and
# refuses, and libcurl alone posts as often as it was told. No speed is judged here.
set -eu

tests=$1 # the build folder's tests/
here=$(cd "$(dirname "$0")" && pwd)
for program in curl python3; do
    command -v "$program" > /dev/null || {
        echo "skipped: $program isn't installed" >&2
        exit 77
    }
done
work=$(mktemp -d)
pid=
cleanup() {
    [ -z "$pid" ] || kill "$pid" 2> /dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
    echo "$*"
    exit 1
}

start() {
    rm -f "$work/port"
    "$tests/bench_responder" --port-file "$work/port" "$@" &
    pid=$!
    tries=0
    until [ -s "$work/port" ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt 600 ] || ! kill -0 "$pid" 2> /dev/null; then
            fail "the responder does not start"
        fi
        sleep 0.1
    done
    url=http://127.0.0.1:$(cat "$work/port")
}

stop() {
    kill "$pid"
    wait "$pid" || fail "the responder ended with $?"
    pid=
}

get() {
    curl -sS --max-time 60 "$@"
}

start
"$tests/bench_measure" "$work/took" "$tests/bench_posts" "$url" 2000 8 > "$work/seconds" || fail "posts failed"
grep -Eq '^[0-9]+ [0-9]+ [0-9]+ [0-9]+ 0$' "$work/took" || fail "measure says $(cat "$work/took")"
stats=$(get "$url/bench/stats")
case $stats in
'{"posts":2000,"refused":0,"others":0,'*) ;;
*) fail "after 2000 posts: $stats" ;;
esac
echo=$(get -d '{"orderId":"7","metadata":{"a":"b"}}' "$url/fulfillments")
case $echo in
'{"id":"bench-'*'"liveMode":false,"orderId":"7","metadata":{"a":"b"}}') ;;
*) fail "a 201 that echoes nothing: $echo" ;;
esac
orders=$(get "$url/orders?limit=2&ids=5&ids=6")
case $orders in
'{"data":[{"id":"5","state":"accepted",'*'"id":"6",'*'"id":"601",'*'"hasMore":false}') ;;
*) fail "orders 5 and 6: $orders" ;;
esac
"$tests/bench_measure" "$work/took" sh -c 'exit 7' || [ $? = 7 ] || fail "measure hides an exit code"
grep -q ' 7$' "$work/took" || fail "measure says $(cat "$work/took") of an exit with 7"
stop

start --rate 10 --latency-ms 50
n=0
while [ "$n" -lt 11 ]; do # in one connection, and so in one second or a few
    n=$((n + 1))
    printf 'url = "%s/events"\noutput = "/dev/null"\nwrite-out = "%%{http_code} %%{time_total}\\n"\n' "$url"
    printf 'next\n'
done | sed '$d' > "$work/requests"
get -K "$work/requests" | awk '{ if ($2 < 0.05) exit 1 }' || fail "an answer came before its latency"
stop

start --rate 1
"$tests/bench_posts" "$url" 50 8 > /dev/null 2>&1 && fail "posts takes a 429 for a 201"
case $(get "$url/bench/stats") in
*'"refused":0,'*) fail "50 requests at once, 1 a second allowed, and none was refused" ;;
esac
stop

PYTHONDONTWRITEBYTECODE=1 python3 "$here/suite.py" --help > "$work/help" || fail "the suite can't be read"
for part in drain latency limit idle changes cost years; do
    grep -q "$part" "$work/help" || fail "suite.py --help doesn't know the part $part"
    sed -n 's/^# Parts: //p' "$here/run.sh" | grep -q "$part" || fail "run.sh doesn't tell of the part $part"
done
