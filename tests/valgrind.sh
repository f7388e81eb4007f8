#!/bin/sh
# The tests and every waybill and sandbox that they start, under valgrind's memcheck: reads of what was never
# written, steps out of bounds, and memory that nobody holds any more at the end.
#     sh tests/valgrind.sh [--short] [NAME...]
# NAME: of a test as ctest -N says it, or a part of it; --short: one, as the suite does it. Else all of unit and
# integration, which takes hours. Ends with 1 after a finding; skips (77) where valgrind isn't installed.
# WAYBILL_TEST_DB names a server (sh tests/support/server.sh start DIR); without it one of its own is started.
# Looks at processes that end by themselves: one that is killed with 9 leaves no word.
set -eu

cd "$(dirname "$0")/.."
# Made for other eyes, or no work for these: each with its reason.
#   config_test_memory   has a malloc of its own, of which valgrind would not know
#   integration.test_month, test_floods, test_end_to_end, test_histories   hours of the same lines as in the others
left_out='config_test_memory|integration\.test_(month|floods|end_to_end|histories)$'
what=all
cases=
case ${1:-} in
-h | --help)
    sed -n '2,9s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
--short)
    what=named
    cases=what_the_warehouse_says_of_a_shipment_goes_with_its_one_post
    set -- integration.test_distributed
    ;;
?*) what=named ;;
esac
if ! command -v valgrind > /dev/null; then
    echo "skipped: valgrind isn't installed" >&2
    exit 77
fi

build=build/tests-plain
logs=$(pwd)/build/valgrind
mkdir -p "$build" "$logs"
{
    cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_C_COMPILER=gcc &&
        cmake --build "$build" -j "$(nproc)"
} > "$logs/build.log" 2>&1 || {
    tail -n 30 "$logs/build.log" >&2
    exit 1
}

names=$(ctest --test-dir "$build" -N | sed -n 's/^ *Test *#[0-9]*: \(\(unit\|integration\)\..*\)$/\1/p')
chosen=
for name in $names; do
    if [ "$what" = all ]; then
        if ! printf '%s\n' "$name" | grep -Eq "$left_out"; then
            chosen="$chosen $name"
        fi
        continue
    fi
    for part in "$@"; do
        case $name in
        *"$part"*)
            chosen="$chosen $name"
            break
            ;;
        esac
    done
done
if [ -z "$chosen" ]; then
    echo "no test is called \"$*\": see ctest --test-dir $build -N" >&2
    exit 2
fi

if [ -z "${WAYBILL_TEST_DB:-}" ]; then
    server=$(mktemp -d "${TMPDIR:-/tmp}/waybill-valgrind.XXXXXX")
    chmod 755 "$server"
    trap 'sh tests/support/server.sh stop "$server/pg" > /dev/null 2>&1; rm -rf "$server"' EXIT
    trap 'exit 130' INT TERM HUP
    WAYBILL_TEST_DB=$(sh tests/support/server.sh start "$server/pg")
fi
# Twenty to thirty times slower: what a test waits for may take longer.
export WAYBILL_TEST_DB WAYBILL_REQUIRE_DB=1 WAYBILL_TEST_PATIENCE=20 CK_TIMEOUT_MULTIPLIER=20
[ -z "$cases" ] || export CK_RUN_CASE="$cases"

bad=0
for name in $chosen; do
    program=$build/tests/$(printf '%s' "$name" | tr . _)
    [ "$name" != integration.test_seam ] || program=$build/tests/seam_test_seam
    log=$logs/$name
    rm -rf "$log"
    mkdir -p "$log"
    # The tests may start others as another user.
    chmod 777 "$log"
    started=$(date +%s)
    code=0
    valgrind --trace-children=yes --trace-children-skip='/bin/*,/usr/*' --child-silent-after-fork=no \
        --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite --error-exitcode=99 \
        --num-callers=30 --log-file="$log/%p.log" "$program" > "$log/output" 2>&1 || code=$?
    found=$(grep -lE 'ERROR SUMMARY: [1-9]' "$log"/*.log || true)
    for file in $found; do
        echo "$name: a finding in $file"
        grep -vE '^==[0-9]+== *$' "$file" | sed -n '6,60p'
    done
    word="no finding"
    case $code in
    0) ;;
    77) word=skipped ;;
    *) word="failed with $code, see $log/output" ;;
    esac
    [ -z "$found" ] || word="findings"
    [ "$word" = "no finding" ] || [ "$word" = skipped ] || bad=1
    echo "$name: $(find "$log" -name '*.log' | wc -l) processes, $(($(date +%s) - started)) s, $word"
done
exit $bad
