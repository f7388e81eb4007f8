#!/bin/sh
# A private PostgreSQL for tests: `server.sh start DIR` prints its URL, `server.sh stop DIR` ends it.
exec sh "$(dirname "$0")/../../conf/private-postgres.sh" "$@"
