#!/bin/sh
# The scripts that build what they run, where building goes wrong: in a tree of their own, whose cmake is a stub.
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
exit $bad
