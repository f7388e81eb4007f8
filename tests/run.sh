#!/bin/sh
# All tests, from a clean clone: packages, builds, a private PostgreSQL, ctest. The last line is
# "N passed, N failed".
#     sh tests/run.sh [--quick] [PATTERN]
# --quick: the plain build only. PATTERN: only tests whose name matches (ctest -R).
# WAYBILL_SKIP_PACKAGES=1 installs nothing.
set -u

usage() {
    sed -n '2,6s/^# \{0,1\}//p' "$0"
    exit "$1"
}

quick=no
pattern=
for argument in "$@"; do
    case $argument in
    --quick) quick=yes ;;
    -h | --help) usage 0 ;;
    -*) usage 2 >&2 ;;
    *)
        [ -z "$pattern" ] || usage 2 >&2
        pattern=$argument
        ;;
    esac
done

cd "$(dirname "$0")/.." || exit 2
# shellcheck source=conf/packages.sh
. conf/packages.sh
jobs=$(nproc 2> /dev/null || echo 2)
passed=0
failed=0
skipped=0
failures=
work=

note() {
    printf '%s\n' "-- $*"
}

# fail NAME: a step that went wrong counts like a test.
fail() {
    failed=$((failed + 1))
    failures="$failures
  $1"
}

cleanup() {
    trap '' INT TERM HUP
    if [ -n "$work" ]; then
        sh tests/support/server.sh stop "$work/pg" > /dev/null 2>&1
        rm -rf "$work"
    fi
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

install_packages() {
    # shellcheck disable=SC2086
    packages_install "$work/packages.log" $packages_to_build $packages_to_try $packages_to_test ||
        fail "packages"
}

start_database() {
    note "PostgreSQL"
    if url=$(sh tests/support/server.sh start "$work/pg"); then
        WAYBILL_TEST_DB=$url
        export WAYBILL_TEST_DB
    else
        fail "PostgreSQL does not start"
    fi
}

# build NAME OPTION...: below build/tests-NAME; its log is shown only when it fails.
build() {
    name=$1
    shift
    note "build $name"
    log=build/tests-$name/build.log
    mkdir -p "build/tests-$name"
    if cmake -S . -B "build/tests-$name" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo "$@" \
        > "$log" 2>&1 && cmake --build "build/tests-$name" -j "$jobs" >> "$log" 2>&1; then
        return 0
    fi
    grep -n -e 'error' -e 'FAILED' -e 'CMake Error' "$log" | head -n 40
    tail -n 30 "$log"
    fail "build $name"
    return 1
}

attribute() {
    sed -n "s/.*<testsuite.* $1=\"\([0-9]*\)\".*/\1/p; s/^[[:space:]]*$1=\"\([0-9]*\)\".*/\1/p" \
        "$2" 2> /dev/null | head -n 1
}

# run_tests NAME [ctest option...]: adds to the counts.
run_tests() {
    name=$1
    shift
    report=$(pwd)/build/tests-$name/junit.xml
    rm -f "$report" "build/tests-$name/Testing/Temporary/LastTestsFailed.log"
    note "tests $name"
    # They wait for settle times and time-outs more than they compute: twice as many as there are cores.
    ctest --test-dir "build/tests-$name" -j "$((jobs * 2))" --output-on-failure --no-tests=ignore \
        --output-junit "$report" "$@"
    total=$(attribute tests "$report")
    bad=$(attribute failures "$report")
    if [ -z "$total" ] || [ -z "$bad" ]; then
        fail "tests $name: no report"
        return
    fi
    left_out=$(attribute skipped "$report")
    disabled=$(attribute disabled "$report")
    left_out=$((${left_out:-0} + ${disabled:-0}))
    passed=$((passed + total - bad - left_out))
    failed=$((failed + bad))
    skipped=$((skipped + left_out))
    list=build/tests-$name/Testing/Temporary/LastTestsFailed.log
    if [ "$bad" != 0 ] && [ -f "$list" ]; then
        failures="$failures
$(sed "s/^[0-9]*:/  $name: /" "$list")"
    fi
}

# A moment of made-up input for each target; tests/fuzz/run.sh is the way to hours of it.
run_fuzz() {
    note "tests fuzz"
    sh tests/fuzz/run.sh 2
    case $? in
    0) passed=$((passed + 1)) ;;
    77) skipped=$((skipped + 1)) ;;
    *) fail "fuzz: sh tests/fuzz/run.sh" ;;
    esac
}

# One test and the programs that it starts; tests/valgrind.sh is the way to all of them.
run_valgrind() {
    note "tests valgrind"
    sh tests/valgrind.sh --short
    case $? in
    0) passed=$((passed + 1)) ;;
    77) skipped=$((skipped + 1)) ;;
    *) fail "valgrind: sh tests/valgrind.sh --short" ;;
    esac
}

work=$(mktemp -d "${TMPDIR:-/tmp}/waybill-run.XXXXXX") || exit 2
# The server runs as another user when we are root, and has to get through here.
chmod 755 "$work"
mkdir "$work/tmp"
TMPDIR=$work/tmp
WAYBILL_REQUIRE_DB=1
export TMPDIR WAYBILL_REQUIRE_DB

# Stories of the ledger's functions: no line of the program's C runs in them.
sql_alone='reconcile|histories|two_sessions|laws|laws_of_units|doubt|refused|by_hand|pruning|taken_back|taken_over|posted_by_others|order_word|new_tracking|still_moving'

started=$(date +%s)
install_packages
start_database

if build plain -DCMAKE_C_COMPILER=gcc; then
    if [ -n "$pattern" ]; then
        run_tests plain -R "$pattern"
    else
        run_tests plain
    fi
fi
if [ "$quick" = no ]; then
    build clang -DCMAKE_C_COMPILER=clang
    [ -n "$pattern" ] || run_fuzz
    [ -n "$pattern" ] || run_valgrind
    if build asan -DCMAKE_C_COMPILER=gcc -DWAYBILL_SANITIZE=address,undefined; then
        ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1
        UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
        export ASAN_OPTIONS UBSAN_OPTIONS
        if [ -n "$pattern" ]; then
            run_tests asan -R "$pattern" -E '^rules\.'
        else
            # What runs for minutes with real processes has been seen above, and so has what tries SQL alone; here
            # every line of C runs once.
            run_tests asan -R '^((unit|integration|fuzz)\.|fault\.test_mixed)' \
                -E "^integration\.test_(recover|page|end_to_end|floods|baseline|outage|month|hostile|prechecks|$sql_alone)\$"
        fi
    fi
fi
if [ -n "$pattern" ] && [ $((passed + failed + skipped)) = 0 ]; then
    fail "no test matches \"$pattern\""
fi

echo
[ -z "$failures" ] || printf 'failed:%s\n' "$failures"
echo "$skipped skipped, $(($(date +%s) - started)) s"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
