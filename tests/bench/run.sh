#!/bin/sh
# The benchmark: speed, memory and cost, each beside its goal and beside what does the same work.
#     sh tests/bench/run.sh [OPTION...] [PART...]
# Parts: drain, latency, limit, idle, changes, cost, years; all of them without a name.
#   --quick          smaller and shorter: a first look, whose ratios need not be those of the whole
#   --rounds N       of each comparison (3; quick: 2); the median counts
#   --lines N        of the large warehouse of idle and changes (10000000)
#   --history N      submissions of ten years (10000000); 50000000 takes 50 GB and 12 minutes
#   --in-flight N    drain: only with so many; may be given again
#   --only-waybill   without the queues that it is compared with
#   --statements     say which statements took the database's time
# Builds into build/bench and starts a PostgreSQL of its own with the settings of a real server, in a
# temporary folder below TMPDIR, which takes up to 30 GB.
set -eu

case ${1:-} in
-h | --help)
    sed -n '2,13s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac
cd "$(dirname "$0")/../.."
top=$(pwd)
build=$top/build/bench

for program in python3 psql cmake; do
    command -v "$program" > /dev/null || {
        echo "bench: $program isn't installed; see conf/packages.sh" >&2
        exit 1
    }
done
dir=$(mktemp -d "${TMPDIR:-/tmp}/waybill-bench.XXXXXX")
# PostgreSQL runs as another user when we are root, and has to get through here.
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

{
    cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=RelWithDebInfo &&
        cmake --build "$build" -j 2 --target waybill bench_responder bench_measure bench_posts bench_connect
} > "$dir/build.log" 2>&1 || {
    tail -n 30 "$dir/build.log" >&2
    exit 1
}
url=$(sh tests/support/server.sh start "$dir/pg" shared_buffers=1GB max_wal_size=4GB \
    checkpoint_timeout=15min maintenance_work_mem=256MB effective_cache_size=4GB \
    random_page_cost=1.1 shared_preload_libraries=pg_stat_statements pg_stat_statements.track_planning=on)
mkdir "$dir/work"
python3 tests/bench/suite.py "$@" --build "$build" --work "$dir/work" --server-url "$url" \
    --server-pid "$(head -n 1 "$dir/pg/data/postmaster.pid")"
