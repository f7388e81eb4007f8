#!/bin/sh
# What happens to a server of conf/private-postgres.sh, for tests:
#     cluster.sh crash DIR              stops it at once and starts it again on its port
#     cluster.sh die DIR                stops it at once
#     cluster.sh standby DIR NEW PORT   a standby in NEW that follows DIR by way of PORT; prints its port
#     cluster.sh promote NEW
#     cluster.sh remove DIR
set -eu

usage() {
    sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

[ $# -ge 2 ] || usage
command=$1
dir=$2

bin=${WAYBILL_PG_BIN:-}
if [ -z "$bin" ]; then
    for candidate in /usr/lib/postgresql/*/bin; do
        [ -x "$candidate/initdb" ] && bin=$candidate
    done
fi

as_owner() {
    owner=$(stat -c %U "$dir")
    if [ "$owner" != "$(id -un)" ]; then
        runuser -u "$owner" -- "$@"
    else
        "$@"
    fi
}

# stays after a crash, unlike postmaster.pid's
port_of() {
    sed -n 's/.*"-p" "\([0-9]*\)".*/\1/p' "$1/data/postmaster.opts"
}

pg_ctl() {
    (cd "$dir" && as_owner "$bin/pg_ctl" -D "$dir/data" -w -t 60 "$@") > "$dir/pg_ctl.log" 2>&1 || {
        cat "$dir/pg_ctl.log" >&2
        tail -n 20 "$dir/data/server.log" >&2
        exit 1
    }
}

standby() {
    from=$(port_of "$dir")
    new=$1
    by=$2
    mkdir "$new"
    chown "$(stat -c %U "$dir")" "$new"
    (cd "$new" && as_owner "$bin/pg_basebackup" -h 127.0.0.1 -p "$from" -U postgres -D "$new/data" \
        -R -c fast -X stream) >&2
    as_owner mkdir "$new/socket"
    as_owner tee -a "$new/data/postgresql.auto.conf" > /dev/null << CONF
primary_conninfo = 'host=127.0.0.1 port=$by user=postgres application_name=standby'
unix_socket_directories = '$new/socket'
wal_retrieve_retry_interval = 200ms
CONF
    dir=$new
    for port in $((from + 1)) $((from + 2)) $((from + 3)); do
        if (cd "$dir" && as_owner "$bin/pg_ctl" -D "$dir/data" -l "$dir/data/server.log" \
            -o "-p $port" -w -t 60 start) > /dev/null 2>&1; then
            echo "$port"
            return
        fi
    done
    tail -n 20 "$dir/data/server.log" >&2
    exit 1
}

case $command in
crash)
    port=$(port_of "$dir")
    pg_ctl -m immediate stop
    pg_ctl -l "$dir/data/server.log" -o "-p $port" start
    ;;
die) pg_ctl -m immediate stop ;;
standby)
    [ $# = 4 ] || usage
    standby "$3" "$4"
    ;;
promote) pg_ctl promote ;;
remove)
    [ ! -f "$dir/data/postmaster.pid" ] || pg_ctl -m immediate stop
    rm -rf "$dir"
    ;;
*) usage ;;
esac
