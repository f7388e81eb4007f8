#!/bin/sh
# C files look as .clang-format says. Another major version formats a little differently.
set -eu

cd "${WAYBILL_RULES_TOP:-.}"
tool=${CLANG_FORMAT:-}
for candidate in clang-format-14 clang-format; do
    [ -n "$tool" ] || ! command -v "$candidate" > /dev/null || tool=$candidate
done
if [ -z "$tool" ]; then
    echo "skipped: clang-format isn't installed" >&2
    exit 77
fi
case $("$tool" --version) in
*"version 14."*) ;;
*)
    echo "skipped: clang-format 14 is the one that counts, this is $("$tool" --version)" >&2
    exit 77
    ;;
esac
find src tests -name '*.[ch]' | sort | xargs "$tool" --dry-run -Werror --ferror-limit=3
