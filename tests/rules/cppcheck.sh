#!/bin/sh
# cppcheck finds nothing in src. What it is wrong about is said here, or at the line with its reason.
set -eu

cd "${WAYBILL_RULES_TOP:-.}"
command -v cppcheck > /dev/null || {
    echo "no cppcheck here"
    exit 77
}
# missingInclude: the systems' own headers aren't read. nullPointer: it takes the last word of a table, which ends the
# loop, for the next one's. nullPointerRedundantCheck: it doesn't see that a problem that was noted leaves the function.
exec nice cppcheck --quiet --std=c11 -j 2 --enable=warning --error-exitcode=1 --inline-suppr \
    --template='{file}:{line}: {severity}: {message} [{id}]' \
    --suppress=missingInclude --suppress=missingIncludeSystem \
    --suppress=nullPointer:src/cli/options.c \
    --suppress=nullPointerRedundantCheck:src/provider/digitalriver_read.c \
    -D_GNU_SOURCE '-DWAYBILL_VERSION="0"' -Isrc src
