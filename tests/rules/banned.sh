#!/bin/sh
# Calls that nobody makes, or that have one home. An excuse stands on the line or the one before:
#     /* banned: popen, because ... */
set -eu

cd "${WAYBILL_RULES_TOP:-.}"
[ -d src ] || {
    echo "banned.sh: run it from the top folder" >&2
    exit 2
}

# One rule a line: call, where it is allowed (a pattern of the path, - for nowhere), what to do.
rules='
strcpy - snprintf or buffer_puts
strcat - snprintf or buffer_puts
sprintf - snprintf or buffer_printf
vsprintf - buffer_vprintf
strncpy - snprintf
strncat - snprintf or buffer_append
strtok - strcspn
strtok_r - strcspn
gets - buffers with a bound
scanf ^tests/ number_parse
sscanf ^tests/ number_parse
fscanf ^tests/ number_parse
atoi - number_parse
atol - number_parse
atoll - number_parse
atof - number_parse
strtol ^src/base/number number_parse
strtoll ^src/base/number number_parse
strtoul ^src/base/number number_parse
strtoull ^src/base/number number_parse
system - no shell runs from a program
popen - no shell runs from a program
alloca - malloc with a bound
setjmp - return false
longjmp - return false
sigsetjmp - return false
siglongjmp - return false
time ^(src/base/clock|tests/clock/drive) clock_* of base
clock_gettime ^(src/(base/clock|http/slot)|tests/clock/drive) clock_* of base
gettimeofday ^(src/base/clock|tests/clock/drive) clock_* of base
sleep ^src/base/clock waiting for something, or clock_sleep_ms
usleep ^src/base/clock waiting for something, or clock_sleep_ms
nanosleep ^src/base/clock waiting for something, or clock_sleep_ms
clock_nanosleep ^src/base/clock waiting for something, or clock_sleep_ms
printf ^(src/cli/|src/main\.c|src/sandbox/|tests/) log_event, or an error
vprintf ^(src/cli/|src/main\.c|src/sandbox/|tests/) log_event, or an error
puts ^(src/cli/|src/main\.c|src/sandbox/|tests/) log_event, or an error
putchar ^(src/cli/|src/main\.c|src/sandbox/|tests/) log_event, or an error
perror - error_set
exit ^(src/main\.c|src/sandbox/main\.c|tests/) return false up to main
abort ^tests/ assert, or return false
PQexec ^(src/pg/|tests/) the pg room
PQexecParams ^(src/pg/|tests/) the pg room
PQexecPrepared ^(src/pg/|tests/) the pg room
curl_easy_perform - the http room; in tests curl multi or a socket
cJSON_GetObjectItem - cJSON_GetObjectItemCaseSensitive
cJSON_HasObjectItem - cJSON_GetObjectItemCaseSensitive
'

list=$(mktemp)
trap 'rm -f "$list"' EXIT
echo "$rules" > "$list"

find src tests -name '*.[ch]' | sort | xargs awk -v rules="$list" '
# The code of a line, without comments and texts.
function code(line,    out, at, c, quote) {
    out = ""
    quote = ""
    for (at = 1; at <= length(line); at++) {
        c = substr(line, at, 1)
        if (in_comment) {
            if (substr(line, at, 2) == "*/") {
                in_comment = 0
                at++
            }
        } else if (quote != "") {
            if (c == "\\")
                at++
            else if (c == quote)
                quote = ""
        } else if (substr(line, at, 2) == "/*") {
            in_comment = 1
            at++
        } else if (substr(line, at, 2) == "//") {
            break
        } else if (c == "\"" || c == "\047") {
            quote = c
        } else {
            out = out c
        }
    }
    return out
}
BEGIN {
    while ((getline line < rules) > 0) {
        count = split(line, field, " ")
        if (count < 3)
            continue
        name = field[1]
        home[name] = field[2]
        advice[name] = field[3]
        for (at = 4; at <= count; at++)
            advice[name] = advice[name] " " field[at]
    }
    bad = 0
}
FNR == 1 { in_comment = 0; before = "" }
{
    rest = code($0)
    while (match(rest, /[A-Za-z_][A-Za-z0-9_]*[ \t]*\(/)) {
        name = substr(rest, RSTART, RLENGTH - 1)
        sub(/[ \t]+$/, "", name)
        lead = substr(rest, RSTART - 1, 1)
        rest = substr(rest, RSTART + RLENGTH)
        if (!(name in home) || lead == "." || lead == ">")
            continue
        if (home[name] != "-" && FILENAME ~ home[name])
            continue
        if (($0 " " before) ~ ("banned: " name ", [^ ]"))
            continue
        printf "%s:%d: %s is banned here: use %s\n", FILENAME, FNR, name, advice[name]
        bad = 1
    }
    before = $0
}
END { exit bad }'
