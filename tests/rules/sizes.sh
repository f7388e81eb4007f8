#!/bin/sh
# Files over 500 lines and functions over 70 are listed; over 800 and 150 they fail. A file that has
# to be longer says why in its first 30 lines, a function in the comment or line right before it:
#     /* sizes: because ... */
set -eu

cd "${WAYBILL_RULES_TOP:-.}"
[ -d src ] || {
    echo "sizes.sh: run it from the top folder" >&2
    exit 2
}

find src tests -name '*.[ch]' | sort | xargs awk '
function judge(what, lines, aim, most, excused) {
    if (lines <= aim)
        return
    if (lines > most && !excused) {
        bad = 1
        printf "%s has %d lines, more than %d\n", what, lines, most
    } else {
        printf "note: %s has %d lines, more than %d\n", what, lines, aim
    }
}
function end_file() {
    if (file != "")
        judge(file, last, 500, 800, file_excused)
}
BEGIN { bad = 0; file = "" }
FNR == 1 {
    end_file()
    file = FILENAME
    file_excused = 0
    start = 0
    excuse_at = -9
}
{ last = FNR }
/sizes: because [^ ]/ {
    excuse_at = FNR
    if (FNR <= 30)
        file_excused = 1
}
# Functions start and end in column 1: the house layout puts both braces there.
/^[A-Za-z_].*\(/ && !/;[ \t]*$/ { name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name); name_at = FNR }
/^\{/ { start = FNR; function_excused = excuse_at >= name_at - 4 && excuse_at > 0 }
/^\}/ {
    if (start > 0 && $0 !~ /^\};/)
        judge(FILENAME ":" start ": " name, FNR - start + 1, 70, 150, function_excused)
    start = 0
}
END { end_file(); exit bad }'
