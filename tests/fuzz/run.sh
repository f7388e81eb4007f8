#!/bin/sh
# Made-up input for what reads foreign bytes, with clang's libFuzzer, AddressSanitizer and UBSan:
#     sh tests/fuzz/run.sh [SECONDS [TARGET...]]
# SECONDS for each target, 60 if not given; all of tests/fuzz/fuzz_TARGET.c if none is named. What it
# found before is kept in tests/fuzz/corpus/TARGET; what is new stays in build/fuzz/found/TARGET. A
# finding is left as build/fuzz/TARGET-* with its stack on the screen: put the file into the corpus and
# mend the code. Skips (77) where clang has no libFuzzer.
set -eu

case ${1:-} in
-h | --help)
    sed -n '2,7s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac
seconds=${1:-60}
[ $# -eq 0 ] || shift

cd "$(dirname "$0")/../.."
probe=$(mktemp -d "${TMPDIR:-/tmp}/waybill-fuzz.XXXXXX")
trap 'rm -rf "$probe"' EXIT
echo 'int LLVMFuzzerTestOneInput(const char *b, unsigned long n); int LLVMFuzzerTestOneInput(const char *b, unsigned long n) { return (void)b, (void)n, 0; }' \
    > "$probe/probe.c"
if ! clang -fsanitize=fuzzer,address,undefined -o "$probe/probe" "$probe/probe.c" > /dev/null 2>&1; then
    echo "skipped: clang with libFuzzer isn't installed (Debian: clang, libclang-rt-14-dev)" >&2
    exit 77
fi

build=build/fuzz
mkdir -p "$build"
cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_C_COMPILER=clang -DWAYBILL_FUZZ=ON \
    -DWAYBILL_SANITIZE=fuzzer-no-link,address,undefined > "$build/build.log" 2>&1
if [ $# -eq 0 ]; then
    for file in tests/fuzz/fuzz_*.c; do
        file=${file##*/fuzz_}
        set -- "$@" "${file%.c}"
    done
fi
for target in "$@"; do
    cmake --build "$build" -j "$(nproc)" --target "fuzz_$target" >> "$build/build.log" 2>&1 || {
        tail -n 30 "$build/build.log" >&2
        exit 1
    }
done

for target in "$@"; do
    mkdir -p "$build/found/$target"
    words=
    [ ! -f "tests/fuzz/$target.dict" ] || words=-dict=tests/fuzz/$target.dict
    # shellcheck disable=SC2086
    "$build/tests/fuzz_$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$build/$target-" $words \
        "$build/found/$target" "tests/fuzz/corpus/$target" > "$build/$target.log" 2>&1 || {
        echo "$target: a finding" >&2
        tail -n 60 "$build/$target.log" >&2
        exit 1
    }
    sed -n "s/^stat::number_of_executed_units: *\(.*\)/$target: $seconds s, \1 inputs, no finding/p" "$build/$target.log"
done
