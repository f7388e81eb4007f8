#!/bin/sh
# clang-tidy finds nothing in src; .clang-tidy says what it looks for.
set -eu

cd "${WAYBILL_RULES_TOP:-.}"
build=${WAYBILL_BUILD_DIR:-build}
command -v clang-tidy > /dev/null || {
    echo "no clang-tidy here"
    exit 77
}
[ -f "$build/compile_commands.json" ] || {
    echo "no compile_commands.json in $build: configure it with cmake"
    exit 77
}
# The warnings of another compiler are unknown to it.
find src -name '*.c' | sort |
    nice xargs -P 2 -n 8 clang-tidy -p "$build" --quiet --extra-arg=-Wno-unknown-warning-option 2> /dev/null
