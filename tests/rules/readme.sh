#!/bin/sh
# README.md tells the truth: its commands are those of `waybill --help`, its keys and defaults those of
# conf/waybill.yaml. Skips the commands' half when the program isn't built.
set -eu

cd "${WAYBILL_RULES_TOP:-.}"
waybill=${WAYBILL_BUILD_DIR:-build}/waybill
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

# compare WHAT: the two lists of it, README's and the other's.
compare() {
    sort "$work/$1.there" > "$work/there"
    sort "$work/$1.readme" > "$work/readme"
    if ! cmp -s "$work/there" "$work/readme"; then
        echo "$1: README.md (>) and $2 (<) differ:"
        diff "$work/there" "$work/readme" | grep '^[<>]' || true
        bad=1
    fi
}

# Keys; with their default where it isn't "required" or none.
awk '
/^[a-z_]+:/ { section = $1; sub(/:.*/, "", section); required = 0; next }
# A key outside all sections stands behind a # where a line begins, as it has no default.
/^# [a-z_]+: [^ ]+$/ { sub(/^# /, ""); sub(/:.*/, ""); print $0 " -"; next }
/^  # .*Required/ { required = 1 }
/^  (# )?[a-z_]+: / {
    line = $0
    is_example = line ~ /^  # /
    sub(/^  (# )?/, "", line)
    name = value = line
    sub(/:.*/, "", name)
    sub(/^[a-z_]+: /, "", value)
    gsub(/"/, "", value)
    # A sentence may look like a key: "true: plain http to any host".
    if (is_example && (name == "true" || name == "false" || value ~ / /))
        next
    print section "." name " " (required || is_example ? "-" : value)
    required = 0
}' conf/waybill.yaml > "$work/keys.there"
awk -F ' *[|] *' '
$2 ~ /^`[a-z_]+\.[a-z_]+`$/ || $2 == "`metrics_file`" {
    name = $2
    value = $4
    gsub(/`/, "", name)
    print name " " (value ~ /^`/ ? substr(value, 2, length(value) - 2) : "-")
}' README.md > "$work/keys.readme"
compare keys conf/waybill.yaml

if [ ! -x "$waybill" ]; then
    [ "$bad" = 0 ] || exit 1
    echo "skipped: $waybill isn't built" >&2
    exit 77
fi
"$waybill" --help | awk '
/^commands:/ { inside = 1; next }
/^$/ { inside = 0 }
inside { print $1 }' > "$work/commands.there"
sed -n 's/^| `waybill \([a-z]*\)`.*/\1/p' README.md > "$work/commands.readme"
compare commands "waybill --help"
exit "$bad"
