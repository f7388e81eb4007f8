#!/bin/sh
# README.md's blocks marked "sh run" are run as a reader would: in a copy of the tree, from its top, one
# after the other in one shell. The programs are those already built: cmake there does nothing, unless
# WAYBILL_README_BUILD=1 wants them built anew, which takes a minute or two.
set -eu

cd "${WAYBILL_RULES_TOP:-.}"
build=${WAYBILL_BUILD_DIR:-build}
if [ ! -x "$build/waybill" ] || [ ! -x "$build/waybill-sandbox" ]; then
    echo "skipped: $build/waybill isn't built" >&2
    exit 77
fi
build=$(cd "$build" && pwd)
if ! git rev-parse --git-dir > /dev/null 2>&1; then
    echo "skipped: no git, so no list of what belongs into a copy" >&2
    exit 77
fi
work=$(mktemp -d)
chmod 755 "$work"
mkdir "$work/copy" "$work/bin" "$work/tmp"
chmod 755 "$work/tmp"

# What a block that failed left running: its sandbox, and a server below our folder.
cleanup() {
    if [ -s "$work/sandbox.pid" ]; then
        pid=$(cat "$work/sandbox.pid")
        if grep -q waybill-sandbox "/proc/$pid/cmdline" 2> /dev/null; then
            kill "$pid" || true
        fi
    fi
    for pg in "$work/tmp"/*/pg; do
        sh conf/private-postgres.sh stop "$pg" > /dev/null 2>&1 || true
    done
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$work/copy"
if [ "${WAYBILL_README_BUILD:-0}" = 0 ]; then
    mkdir "$work/copy/build"
    ln -s "$build/waybill" "$build/waybill-sandbox" "$work/copy/build/"
    printf '#!/bin/sh\nexit 0\n' > "$work/bin/cmake"
    chmod +x "$work/bin/cmake"
    PATH=$work/bin:$PATH
fi

# Blocks in a list are indented, and what they hold is indented by as much.
awk '
/^ *```sh run$/ { match($0, /^ */); indent = RLENGTH; inside = 1; print "note " ++blocks; next }
inside && /^ *```$/ { inside = 0; next }
inside { print substr($0, indent + 1) }
END { if (blocks < 9) print "echo \"only " blocks " blocks are marked\"; exit 1" }' \
    "$work/copy/README.md" > "$work/blocks.sh"

# As in a terminal: aliases are known. It stops where a command fails.
{
    echo 'set -eu'
    echo "shopt -s expand_aliases 2> /dev/null || true"
    echo "note() { echo \"-- block \$1\"; [ -z \"\${sandbox:-}\" ] || echo \"\$sandbox\" > '$work/sandbox.pid'; }"
    cat "$work/blocks.sh"
} > "$work/run.sh"
code=0
(cd "$work/copy" && TMPDIR=$work/tmp bash "$work/run.sh" < /dev/null) > "$work/out" 2>&1 || code=$?
[ "${WAYBILL_README_SHOW:-0}" = 0 ] || cat "$work/out"
if [ "$code" != 0 ]; then
    echo "README.md's blocks end with $code:"
    tail -n 40 "$work/out"
    exit 1
fi

# said TEXT: what README promises was seen.
said() {
    grep -q -e "$1" "$work/out" || {
        echo "README.md's blocks never said \"$1\":"
        tail -n 120 "$work/out"
        exit 1
    }
}
promised=$(sed -n 's/^\([0-9]* lines, [0-9]* units: warehouse, ledger and API agree\)$/\1/p' README.md)
said "^$promised\$"
said '^exit code 1$'
said 'unknown_item'
said 'nothing needs a person'
left=$(ls -A "$work/tmp")
if [ -n "$left" ]; then
    echo "README.md's blocks leave behind: $left"
    exit 1
fi
