#!/bin/sh
# Which lines of src the tests run: the whole, each file below 95 %, and with --lines each line that no test ran.
#     sh tests/coverage.sh [--lines] [--jobs N] [PATTERN]
# PATTERN: only tests whose name matches (ctest -R); default: unit, integration, fuzz and fault, and then it ends with 1
# when fewer lines ran than the floor below asks for. --jobs: tests at once, twice the processors if not given.
# Needs gcc, and for tests of the database WAYBILL_TEST_DB (sh tests/support/server.sh start DIR prints one).
# A process that is killed with 9 tells nothing of what it ran.
set -eu

cd "$(dirname "$0")/.."
floor=95.0
lines=no
jobs=$(($(nproc) * 2))
while [ $# -gt 0 ]; do
    case $1 in
    --lines) lines=yes ;;
    --jobs)
        jobs=${2:?--jobs needs a number}
        shift
        ;;
    *) break ;;
    esac
    shift
done
[ -z "${1:-}" ] || floor=0
pattern=${1:-'^(unit|integration|fuzz|fault)\.'}
# Half of all statements and a sixth of all allocations that can fail.
WAYBILL_TROUBLE_SHARE=${WAYBILL_TROUBLE_SHARE:-2}
export WAYBILL_TROUBLE_SHARE
build=build/tests-coverage
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER=gcc \
    -DCMAKE_C_FLAGS='-O1 --coverage -fprofile-update=atomic' -DCMAKE_EXE_LINKER_FLAGS=--coverage > /dev/null
cmake --build "$build" -j "$(nproc)" > "$build/build.log" 2>&1 || {
    tail -n 20 "$build/build.log"
    exit 1
}
find "$build" -name '*.gcda' -exec rm -f {} +
ctest --test-dir "$build" -j "$jobs" -R "$pattern" > "$build/ctest.log" 2>&1 || tail -n 12 "$build/ctest.log"

report=$build/coverage
rm -rf "$report"
mkdir -p "$report"
top=$(pwd)
objects=$(cd "$build" && find CMakeFiles -name '*.gcno' -path '*/src/*' | sort)
# One .gcov for each source: "     runs:  line:text", ##### where nothing ran.
(cd "$report" && for object in $objects; do
    gcov --preserve-paths --object-file "$top/$build/${object%.gcno}.o" "$top/$build/$object" > /dev/null 2>&1 || true
done)
find "$report" -name '*#src#*.c.gcov' | sort | xargs awk -v lines="$lines" -v floor="$floor" '
{
    split($0, part, ":")
    runs = part[1]
    gsub(/[ *]/, "", runs)
    if (part[2] + 0 == 0) {
        if (part[3] == "Source")
            file = part[4]
        next
    }
    if (runs == "-")
        next
    sub(/.*\/src\//, "src/", file)
    all[file]++
    total++
    if (runs ~ /^[#=]+$/) {
        left[file]++
        missed++
        if (lines == "yes")
            print file ":" part[2] + 0 ":" substr($0, index($0, part[3]))
    }
}
END {
    for (name in all) {
        if (left[name] / all[name] > 0.05)
            printf "%5.1f %%  %4d of %4d lines not run  %s\n", 100 - 100 * left[name] / all[name], left[name], all[name], name | "sort -n"
    }
    close("sort -n")
    printf "%.1f %% of %d lines in src\n", 100 - 100 * missed / total, total
    if (100 - 100 * missed / total < floor) {
        printf "fewer than %.1f %%\n", floor
        exit 1
    }
}'
