#!/bin/sh
# Copies of a private cluster (conf/private-postgres.sh), as restores and standbys are made of them:
#   cluster.sh copy URL DIR [setting=value...]   a base backup of the cluster at URL, not started
#   cluster.sh start DIR [recovery|standby]      starts the copy, prints its URL; recovery and standby as their signal files
#   cluster.sh promote DIR
#   cluster.sh halt DIR                          ends a cluster as a power cut does, and leaves its files
# `private-postgres.sh stop DIR` ends a copy and removes it. The folder above DIR must let everybody through.
set -eu

[ $# -ge 2 ] || exit 2
command=$1
shift

bin=${WAYBILL_PG_BIN:-}
if [ -z "$bin" ]; then
    for candidate in /usr/lib/postgresql/*/bin; do
        [ -x "$candidate/initdb" ] && bin=$candidate
    done
fi

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

copy() {
    url=$1
    dir=$2
    shift 2
    mkdir "$dir" "$dir/socket"
    [ "$owner" = "$(id -un)" ] || chown -R "$owner" "$dir"
    (cd "$dir" && as_owner "$bin/pg_basebackup" -d "$url" -D "$dir/data" -X stream -c fast --no-sync)
    {
        echo "unix_socket_directories = '$dir/socket'"
        for setting in "$@"; do
            echo "${setting%%=*} = '${setting#*=}'"
        done
    } | as_owner tee -a "$dir/data/postgresql.conf" > /dev/null
}

# Another server may take the port before ours does, so it is tried again.
start() {
    dir=$1
    case ${2:-} in
    recovery | standby) as_owner touch "$dir/data/$2.signal" ;;
    esac
    for try in 1 2 3 4 5; do
        port=$(awk -v seed="$$$try" 'BEGIN { srand(seed); print 20000 + int(rand() * 12000) }')
        if (cd "$dir" && as_owner "$bin/pg_ctl" -D "$dir/data" -l "$dir/data/server.log" \
            -o "-p $port" -w -t 60 start) > /dev/null 2>&1; then
            echo "postgresql://postgres@127.0.0.1:$port/postgres"
            return
        fi
    done
    tail -n 20 "$dir/data/server.log" >&2
    exit 1
}

case $command in
copy) copy "$@" ;;
start) start "$@" ;;
promote) (cd "$1" && as_owner "$bin/pg_ctl" -D "$1/data" -w -t 60 promote) > /dev/null ;;
halt) (cd "$1" && as_owner "$bin/pg_ctl" -D "$1/data" -m immediate -w -t 60 stop) > /dev/null ;;
*) exit 2 ;;
esac
