#!/bin/sh
# A room includes only itself and the rooms below it, and each foreign header has one room.
set -eu

cd "${WAYBILL_RULES_TOP:-.}"
[ -d src ] || {
    echo "layers.sh: run it from the top folder" >&2
    exit 2
}

find src -name '*.[ch]' | sort | xargs awk '
BEGIN {
    # Room: all that lies below it.
    below["base"] = ""
    below["json"] = "base"
    below["http"] = "base"
    below["pg"] = "base"
    below["config"] = "base"
    below["provider"] = "http json base"
    below["ledger"] = "pg json base"
    below["sync"] = "ledger provider pg http json base"
    below["cli"] = "sync ledger provider config pg http json base"
    below["main"] = "cli base"
    below["sandbox"] = "json base"

    owner["libpq-fe.h"] = "pg"
    owner["libpq/"] = "pg"
    owner["postgres_ext.h"] = "pg"
    owner["curl/"] = "http"
    owner["cjson/"] = "json"
    owner["cJSON.h"] = "json"
    owner["yaml.h"] = "config"
    owner["microhttpd.h"] = "sandbox"
    owner["sql_text.h"] = "ledger"
    bad = 0
}
function complain(text) {
    printf "%s:%d: %s\n", FILENAME, FNR, text
    bad = 1
}
FNR == 1 {
    split(FILENAME, part, "/")
    room = part[2]
    sub(/\.[ch]$/, "", room)
    if (!(room in below)) {
        complain("\"" room "\" is no room; see the list in tests/rules/layers.sh")
        below[room] = ""
    }
    allowed = " " room " " below[room] " "
}
/^[ \t]*#[ \t]*include[ \t]*[<"]/ {
    name = $0
    sub(/^[^<"]*[<"]/, "", name)
    sub(/[>"].*$/, "", name)
    for (header in owner) {
        if (index(name, header) == 1 && room != owner[header])
            complain("<" name "> belongs to " owner[header])
    }
    if ($0 ~ /"/ && name != "sql_text.h") {
        if (index(name, "/") == 0)
            complain("\"" name "\": write the path from src")
        else {
            split(name, step, "/")
            if (step[1] ~ /^\./)
                complain("\"" name "\": write the path from src")
            else if (index(allowed, " " step[1] " ") == 0)
                complain(room " includes \"" name "\", but may only use:" allowed)
            else if (name ~ /\/internal\.h$/ && step[1] != room)
                complain("\"" name "\" is private to " step[1])
        }
    }
}
END { exit bad }'
