#!/bin/sh
# The manual pages and the completion tell what the program has: commands, options, keys, defaults.
set -eu

cd "${WAYBILL_RULES_TOP:-.}"
waybill=${WAYBILL_BUILD_DIR:-build}/waybill
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

# compare WHAT OTHER: two lists.
compare() {
    if ! diff "$work/there" "$work/manual" > "$work/diff"; then
        echo "$1: the manual (>) and $2 (<) differ:"
        grep '^[<>]' "$work/diff"
        bad=1
    fi
}

# Keys and defaults: the table against waybill.yaml(5), in its order.
awk '
/^    \{"/ { name = $1; gsub(/[{",]/, "", name); initial = "none" }
match($0, /\.initial = "[^"]*"/) { initial = substr($0, RSTART + 12, RLENGTH - 13) }
/is_required = true/ { initial = "required" }
/\.help =/ && name != "" { print name, initial; name = "" }' src/config/keys.c |
    sed 's/^\(api.key_[a-z]*\) none/\1 required/' > "$work/there"
awk '
/^\.Ss / { section = $2; if (section == "Outside") section = "" }
/^\.It Ic / { name = (section == "" ? "" : section ".") $3 }
/^Required/ { print name, "required" }
/^Default: / { sub(/^Default: /, ""); sub(/\.$/, ""); print name, $0 }' conf/waybill.yaml.5 > "$work/manual"
compare "keys" src/config/keys.c

if command -v mandoc > /dev/null; then
    # Whether the pages it names are installed here says nothing about ours.
    mandoc -T lint conf/waybill.1 conf/waybill.yaml.5 2>&1 |
        grep -v -e 'referenced manual not found' -e 'outdated mandoc.db' > "$work/lint" || true
    if [ -s "$work/lint" ]; then
        cat "$work/lint"
        bad=1
    fi
fi

if [ ! -x "$waybill" ]; then
    [ "$bad" = 0 ] || exit 1
    echo "skipped: $waybill isn't built" >&2
    exit 77
fi

# Commands with their options: "run --sweep".
"$waybill" --help | sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' > "$work/commands"
while read -r command; do
    echo "$command"
    "$waybill" help "$command" | sed -n '/^options:/,/^$/s/^ *\(-., \)\{0,1\} *\(--[a-z-]*\).*/\2/p' |
        sed "s/^/$command /"
done < "$work/commands" > "$work/there"
awk '
/^\.Sh / { inside = $2 == "COMMANDS" }
inside && /^\.It Cm / { command = $3; print command }
inside && /^\.It Fl Fl / { print command " --" $4 }' conf/waybill.1 > "$work/manual"
compare "commands and options" "waybill --help"
for number in 0 1 2 3 4 5; do
    grep -q "^\.It $number\$" conf/waybill.1 || {
        echo "waybill.1 has no exit status $number"
        bad=1
    }
done

# complete WORD...: what bash offers after them.
complete_words() {
    PATH=$(cd "$(dirname "$waybill")" && pwd):$PATH bash -c '
        . conf/waybill.bash
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        _waybill
        printf "%s\n" "${COMPREPLY[@]}"' bash waybill "$@" | sort
}
if command -v bash > /dev/null; then
    complete_words "" | grep -v '^-' | grep -v '^help$' > "$work/manual" || true
    sort "$work/commands" > "$work/there"
    compare "completed commands" "waybill --help"
    while read -r command; do
        "$waybill" help "$command" | sed -n '/^options/,/^$/s/^ *\(-., \)\{0,1\} *\(--[a-z-]*\).*/\2/p' | sort > "$work/there"
        complete_words "$command" - > "$work/manual"
        compare "completed options of $command" "waybill help $command"
    done < "$work/commands"
    [ "$(complete_words report line_i)" != "" ] || {
        echo "the completion knows no reports"
        bad=1
    }
    [ "$(complete_words run --log-level w)" = warn ] || {
        echo "the completion knows no levels"
        bad=1
    }
fi
exit "$bad"
