/*
 * connect — the least that a process which talks to the database can take: start with the libraries
 * that waybill has, connect, `select 1`, exit.
 *
 *     connect URL
 */
#include <stdbool.h>
#include <stdio.h>

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <libpq-fe.h>
#include <yaml.h>

int
main(int argc, char **argv)
{
    PGconn *conn = PQconnectdb(argc > 1 ? argv[1] : "");
    PGresult *result = PQexec(conn, "select 1");
    bool ok = PQresultStatus(result) == PGRES_TUPLES_OK;

    if (!ok)
        fprintf(stderr, "connect: %s", PQerrorMessage(conn));
    PQclear(result);
    PQfinish(conn);
    /* Named so that the linker keeps them; none of it is ever called. */
    if (argc > 2)
        printf("%s %s %s\n", curl_version(), cJSON_Version(), yaml_get_version_string());
    return ok ? 0 : 1;
}
