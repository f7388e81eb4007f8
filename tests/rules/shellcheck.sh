#!/bin/sh
# Shell files are clean under shellcheck.
set -eu

cd "${WAYBILL_RULES_TOP:-.}"
if ! command -v shellcheck > /dev/null; then
    echo "skipped: shellcheck isn't installed" >&2
    exit 77
fi
# SC2016: awk programs and SQL stand in single quotes on purpose.
{
    find sql conf tests -name node_modules -prune -o -name '*.sh' -print
    find .ci -type f
} 2> /dev/null | sort | xargs shellcheck --exclude=SC2016
