#!/bin/sh
# All faults at once, for as long as you like; what failed says which seed replays it.
#     sh tests/fault/soak.sh [--faults N] [--kills N] [--jobs N] [SECONDS] [SEED]
# Goes on until it ran for SECONDS (600) and saw so many faults and kills. Each job (2) takes one seed
# after the other, two minutes each, from SEED (of the moment) on, with a PostgreSQL of its own that
# crashes too. Builds into build/soak. Ends with what was injected, and what was lost or came twice.
set -eu

usage() {
    sed -n '2,6s/^# \{0,1\}//p' "$0"
    exit "$1"
}

piece=120
faults=0
kills=0
jobs=2
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help) usage 0 ;;
    --faults | --kills | --jobs)
        [ $# -ge 2 ] || usage 2 >&2
        case $1 in
        --faults) faults=$2 ;;
        --kills) kills=$2 ;;
        *) jobs=$2 ;;
        esac
        shift 2
        ;;
    -*) usage 2 >&2 ;;
    *) break ;;
    esac
done
seconds=${1:-600}
seed=${2:-$(date +%s)}
first=$seed
[ "$seconds" -ge "$piece" ] || piece=$seconds

cd "$(dirname "$0")/../.."
dir=$(mktemp -d "${TMPDIR:-/tmp}/waybill-soak.XXXXXX")
chmod 755 "$dir"
cleanup() {
    trap '' INT TERM HUP
    for file in "$dir"/*.pid; do
        [ ! -f "$file" ] || kill "$(cat "$file")" 2> /dev/null || true
    done
    for server in "$dir"/pg-*; do
        sh tests/support/server.sh stop "$server" > /dev/null 2>&1 || true
    done
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

{
    cmake -S . -B build/soak &&
        cmake --build build/soak -j 2 --target waybill waybill-sandbox fault_test_mixed
} > "$dir/build.log" 2>&1 || {
    tail -n 30 "$dir/build.log" >&2
    exit 1
}

# The numbers of all seeds so far, added: NAME COUNT.
sums() {
    cat "$dir"/seed-*.log | awk '/^soak: / { n[$2 ($2 == "fault" ? " " $3 : "")] += $NF }
        END { for (name in n) print name, n[name] }' | sort
}
sum_of() {
    sums | awk -v wanted="$1" '$1 == wanted || $2 == wanted { all += $NF } END { print all + 0 }'
}

say() {
    sums | awk -v seeds="$first to $((seed - 1))" -v jobs="$jobs" -v took="$(($(date +%s) - started))" '
        $1 == "fault" { all += $3; if ($3 > 0) kinds = kinds (kinds == "" ? "" : ", ") $2 " " $3; next }
        { n[$1] = $2 }
        END {
            printf "seeds %s, %d s, %d jobs: %d rounds of %d runs\n", seeds, took, jobs, n["rounds"], n["runs"]
            printf "%d faults: %s\n", all, kinds
            printf "%d POSTs, %d fulfillments, %d units shipped and %d cancelled: lost 0, twice %d\n",
                n["POSTs"], n["fulfillments"], n["shipped"], n["cancelled"], n["twice"]
        }'
}

one_seed() {
    server=$dir/pg-$1
    WAYBILL_TEST_DB=$(sh tests/support/server.sh start "$server")
    mkdir "$dir/tmp-$1"
    TMPDIR=$dir/tmp-$1
    WAYBILL_FAULT_SERVER=$server
    WAYBILL_FAULT_SECONDS=$piece
    WAYBILL_FAULT_SEED=$1
    export WAYBILL_TEST_DB TMPDIR WAYBILL_FAULT_SERVER WAYBILL_FAULT_SECONDS WAYBILL_FAULT_SEED
    build/soak/tests/fault_test_mixed > "$dir/seed-$1.log" 2>&1 &
    echo $! > "$dir/$1.pid"
    wait $! || touch "$dir/failed-$1"
    rm "$dir/$1.pid"
    sh tests/support/server.sh stop "$server" > /dev/null
}

echo "soak: $seconds s from seed $seed on"
started=$(date +%s)
while :; do
    job=0
    while [ "$job" -lt "$jobs" ]; do
        one_seed "$seed" &
        seed=$((seed + 1))
        job=$((job + 1))
    done
    wait
    for failed in "$dir"/failed-*; do
        [ -e "$failed" ] || continue
        cat "$dir/seed-${failed##*-}.log" >&2
        echo "soak: failed; again with: sh tests/fault/soak.sh --jobs 1 $piece ${failed##*-}" >&2
    done
    if ls "$dir"/failed-* > /dev/null 2>&1; then
        echo "soak: what the seeds that passed saw:" >&2
        say >&2
        exit 1
    fi
    [ $(($(date +%s) - started)) -lt "$seconds" ] || [ "$(sum_of fault)" -lt "$faults" ] ||
        [ "$(sum_of kill_9)" -lt "$kills" ] || break
done
say
