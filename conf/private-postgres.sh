#!/bin/sh
# A private PostgreSQL, for tests and the quickstart: `private-postgres.sh start DIR` prints its URL,
# `private-postgres.sh stop DIR` ends it.
# DIR must not exist before start; stop removes it. Settings may follow DIR: `start DIR fsync=off`.
set -eu

usage() {
    echo "usage: private-postgres.sh start|stop DIR [setting=value...]" >&2
    exit 2
}

[ $# -ge 2 ] || usage
command=$1
dir=$2
shift 2

bin=${WAYBILL_PG_BIN:-}
if [ -z "$bin" ]; then
    for candidate in /usr/lib/postgresql/*/bin; do
        [ -x "$candidate/initdb" ] && bin=$candidate
    done
fi
if [ -z "$bin" ] && command -v pg_ctl > /dev/null; then
    bin=$(dirname "$(command -v pg_ctl)")
fi
[ -n "$bin" ] || {
    echo "private-postgres.sh: no PostgreSQL server found; install postgresql or set WAYBILL_PG_BIN" >&2
    exit 1
}

# initdb and postgres refuse to run as root.
owner=$(id -un)
if [ "$(id -u)" = 0 ]; then
    owner=nobody
    id postgres > /dev/null 2>&1 && owner=postgres
fi
as_owner() {
    if [ "$(id -u)" = 0 ]; then
        runuser -u "$owner" -- "$@"
    else
        "$@"
    fi
}

# The kernel picks: another server may take the port before ours does, so start tries again.
free_port() {
    if command -v python3 > /dev/null; then
        python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
    else
        awk -v seed="$$$1" 'BEGIN { srand(seed); print 20000 + int(rand() * 12000) }'
    fi
}

start() {
    mkdir "$dir"
    mkdir "$dir/socket"
    [ "$owner" = "$(id -un)" ] || chown -R "$owner" "$dir"
    # -N: the data of a test needs no sync to disk at the start.
    (cd "$dir" && as_owner "$bin/initdb" -N -A trust -U postgres -E UTF8 --locale=C.UTF-8 \
        -D "$dir/data") > "$dir/initdb.log" 2>&1 || {
        cat "$dir/initdb.log" >&2
        exit 1
    }
    {
        echo "listen_addresses = '127.0.0.1'"
        echo "unix_socket_directories = '$dir/socket'"
        echo "max_connections = 200"
        echo "shared_buffers = 64MB"
        echo "log_line_prefix = '%m [%p] %a '"
        echo "log_lock_waits = on"
        for setting in "$@"; do
            echo "${setting%%=*} = '${setting#*=}'"
        done
    } > "$dir/extra.conf"
    as_owner tee -a "$dir/data/postgresql.conf" < "$dir/extra.conf" > /dev/null

    for try in 1 2 3 4 5; do
        port=$(free_port "$try")
        if (cd "$dir" && as_owner "$bin/pg_ctl" -D "$dir/data" -l "$dir/data/server.log" \
            -o "-p $port" -w -t 60 start) > /dev/null 2>&1; then
            echo "postgresql://postgres@127.0.0.1:$port/postgres"
            return
        fi
    done
    echo "private-postgres.sh: PostgreSQL does not start:" >&2
    tail -n 20 "$dir/data/server.log" >&2
    rm -rf "$dir"
    exit 1
}

stop() {
    [ -d "$dir" ] || return 0
    if [ -f "$dir/data/postmaster.pid" ]; then
        (cd "$dir" && as_owner "$bin/pg_ctl" -D "$dir/data" -m immediate -w -t 60 stop) > /dev/null
    fi
    rm -rf "$dir"
}

case $dir in
/*) ;;
*) dir=$(pwd)/$dir ;;
esac
case $command in
start) start "$@" ;;
stop) stop ;;
*) usage ;;
esac
