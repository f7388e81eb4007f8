#!/bin/sh
# Each rule is tried on a small tree that keeps it and on one that breaks it: a rule that can't fail
# guards nothing.
set -eu

rules=$(cd "$(dirname "$0")" && pwd)
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
failed=0

# A tree that every rule accepts.
begin() {
    rm -rf "$top/tree"
    mkdir -p "$top/tree/src/base" "$top/tree/src/pg" "$top/tree/src/sync" "$top/tree/tests" \
        "$top/tree/sql" "$top/tree/conf" "$top/tree/.ci"
    cp "$rules/../../.clang-format" "$top/tree/"
    printf '#!/bin/sh\necho fine\n' > "$top/tree/tests/run.sh"
    printf '#include "pg/pg.h"\n#include <libpq-fe.h>\n' > "$top/tree/src/pg/pg.c"
    printf '/* strcpy(a, b) in a comment */\nconst char *text = "popen(x)";\n' > "$top/tree/src/base/text.c"
}

# expect RULE CODE SAYS: what it answers for the tree as it stands.
expect() {
    code=0
    WAYBILL_RULES_TOP=$top/tree sh "$rules/$1.sh" > "$top/out" 2>&1 || code=$?
    [ "$code" != 77 ] || return 0
    [ "$code" = 0 ] || code=1
    said=yes
    [ -z "$3" ] || grep -q -e "$3" "$top/out" || said=no
    if [ "$code" != "$2" ] || [ "$said" = no ]; then
        echo "$1.sh answered $code instead of $2 with \"$3\":"
        cat "$top/out"
        failed=1
    fi
}

# put FILE LINE...: adds a file to the tree.
put() {
    file=$top/tree/$1
    shift
    printf '%s\n' "$@" > "$file"
}

# A function of so many lines, to standard output.
long_function() {
    printf 'void\nlong_one(void)\n{\n'
    awk -v lines="$1" 'BEGIN { for (i = 3; i <= lines; i++) print "    ;" }'
    printf '}\n'
}

for rule in layers banned sizes format shellcheck tree cppcheck; do
    begin
    expect $rule 0 ''
done

begin
put src/base/bad.c 'int bad(void);' 'int bad(void) { int a[2] = {0, 0}; return a[2]; }'
expect cppcheck 1 'out of bounds'

begin
put src/base/up.c '#include "pg/pg.h"'
expect layers 1 'base includes "pg/pg.h"'
begin
put src/sync/up.c '#include "cli/cli.h"'
expect layers 1 'sync includes "cli/cli.h"'
begin
mkdir "$top/tree/src/ledger"
put src/ledger/sideways.c '#include "http/http.h"'
expect layers 1 'ledger includes "http/http.h"'
begin
put src/sync/sandboxed.c '#include "sandbox/store.h"'
expect layers 1 'sync includes "sandbox/store.h"'
begin
put src/sync/foreign.c '# include <libpq-fe.h>'
expect layers 1 'belongs to pg'
begin
put src/sync/private.c '#include "ledger/internal.h"'
expect layers 1 'private to ledger'
begin
put src/sync/short.c '#include "sync.h"'
expect layers 1 'write the path from src'
begin
put src/sync/text.c '#include "sql_text.h"'
expect layers 1 'belongs to ledger'
begin
mkdir "$top/tree/src/attic"
put src/attic/old.c ''
expect layers 1 'is no room'

begin
put src/base/bad.c 'void f(void) { strcpy(a, b); }'
expect banned 1 'bad.c:1: strcpy is banned'
begin
put src/sync/bad.c 'int x = /* why */ (int)time (NULL);'
expect banned 1 'time is banned'
begin
put tests/bad.c 'curl_easy_perform(easy);'
expect banned 1 'curl_easy_perform is banned'
begin
put src/sync/good.c 'object->time(1); my_strcpy(a); my.exit(2);'
expect banned 0 ''
begin
put src/base/excused.c '/* banned: popen, because the test says so */' 'popen(a, b);'
expect banned 0 ''
begin
put src/base/excused.c '/* banned: system, because the test says so */' 'popen(a, b);'
expect banned 1 'popen is banned'

begin
long_function 100 > "$top/tree/src/base/long.c"
expect sizes 0 'note: .*long_one has 100 lines'
begin
long_function 151 > "$top/tree/src/base/long.c"
expect sizes 1 'long_one has 151 lines'
begin
{
    echo '/* sizes: because it is a table */'
    long_function 151
} > "$top/tree/src/base/long.c"
expect sizes 0 'note: .*long_one'
begin
awk 'BEGIN { for (i = 0; i < 801; i++) print ";" }' > "$top/tree/src/base/long.c"
expect sizes 1 'long.c has 801 lines'

begin
put src/base/bad.c 'int  x ;'
expect format 1 'clang-format'

begin
put tests/bad.sh '#!/bin/sh' 'rm $1'
expect shellcheck 1 'SC2086'

begin
put notes.md 'thoughts'
expect tree 1 'notes.md'

# Keys only: there is no program in the tree.
WAYBILL_BUILD_DIR=$top/none
export WAYBILL_BUILD_DIR
begin
put conf/waybill.yaml 'run:' '  # Required.' '  a: x' '  b: 1' '  # c: d'
put README.md '| `run.a` | | required |' '| `run.b` | | `2` |' '| `run.e` | | none |'
expect readme 1 '> run.b 2'
expect readme 1 '< run.c -'
expect readme 1 '> run.e -'

exit $failed
