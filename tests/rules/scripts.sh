#!/bin/sh
# The scripts that build what they run, where that goes wrong: in a tree of their own, where cmake and ctest are
# stubs.
set -eu

cd "${WAYBILL_RULES_TOP:-.}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
bad=0
mkdir "$work/bin" "$tree"
PATH=$work/bin:$PATH
WAYBILL_SKIP_PACKAGES=1
export PATH WAYBILL_SKIP_PACKAGES

# stub NAME LINE...: a program that comes before the system's.
stub() {
    file=$work/bin/$1
    shift
    printf '%s\n' '#!/bin/sh' "$@" > "$file"
    chmod +x "$file"
}

complain() {
    echo "$*"
    sed 's/^/    /' "$work/out"
    bad=1
}

# cmake leaves its cache behind also when it fails, so that says nothing: a second try configures again.
stub cmake "echo \"\$1\" >> '$work/asked'" \
    "[ \"\$1\" != -S ] || { mkdir -p \"\$4\" && : > \"\$4/CMakeCache.txt\"; }" 'exit 1'
for script in conf/quickstart.sh tests/bench/run.sh tests/coverage.sh tests/fault/hosts.sh tests/fault/month.sh \
    tests/fault/soak.sh; do
    cp --parents "$script" conf/packages.sh "$tree"
    : > "$work/asked"
    for try in first second; do
        sh "$tree/$script" > "$work/out" 2>&1 && complain "$script: the $try try ends well without a build"
    done
    [ "$(tr '\n' ' ' < "$work/asked")" = '-S -S ' ] ||
        complain "$script asks cmake for $(tr '\n' ' ' < "$work/asked")instead of -S each time"
done

# tests/run.sh ends with its counts, whatever becomes of a step.
cp --parents tests/run.sh "$tree"
mkdir -p "$tree/tests/support"
echo 'echo postgresql://nowhere' > "$tree/tests/support/server.sh"
# run_ends LAST SAYS: its last line, and what else it says.
run_ends() {
    sh "$tree/tests/run.sh" --quick > "$work/out" 2>&1 && complain "tests/run.sh ends well"
    [ "$(tail -n 1 "$work/out")" = "$1" ] || complain "tests/run.sh doesn't end with \"$1\":"
    grep -q "$2" "$work/out" || complain "tests/run.sh doesn't say \"$2\":"
}
run_ends '0 passed, 1 failed' '^  build plain$'
stub cmake 'exit 0'
stub ctest 'exit 1'
run_ends '0 passed, 1 failed' '^  tests plain: no report$'
# shellcheck disable=SC2016
stub ctest 'while [ "$1" != --output-junit ]; do shift; done' \
    'echo "<testsuite name=\"(empty)\" tests=\"5\" failures=\"2\" skipped=\"1\">" > "$2"' 'exit 1'
run_ends '2 passed, 2 failed' '^1 skipped'
exit $bad
