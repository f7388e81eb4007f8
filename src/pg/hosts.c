#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "pg/internal.h"

/* Where an item of a list begins, and its length. A list of one is meant for every host. */
static const char *
pg_hosts_item(const char *list, int index, size_t *bytes)
{
    const char *item = list == NULL ? "" : list;

    for (; index > 0 && strchr(item, ',') != NULL; index--)
        item = strchr(item, ',') + 1;
    *bytes = strcspn(item, ",");
    return item;
}

/* An item that is empty leaves the choice to libpq. */
static bool
pg_hosts_item_fits(const char *list, int index, const char *text)
{
    size_t bytes;
    const char *item = pg_hosts_item(list, index, &bytes);

    return bytes == 0 || (strlen(text) == bytes && memcmp(item, text, bytes) == 0);
}

static void
pg_hosts_drop_item(char *list, int index)
{
    size_t bytes;
    size_t at;

    if (list == NULL || strchr(list, ',') == NULL)
        return;
    at = (size_t)(pg_hosts_item(list, index, &bytes) - list);
    if (list[at + bytes] == ',')
        memmove(list + at, list + at + bytes + 1, strlen(list + at + bytes + 1) + 1);
    else
        list[at - 1] = '\0';
}

bool
pg_hosts_read(struct pg_hosts *hosts, const PQconninfoOption *options, struct error *err)
{
    const char *counted;

    if (!text_dup(pg_url_value(options, "host"), &hosts->host) ||
        !text_dup(pg_url_value(options, "hostaddr"), &hosts->hostaddr) ||
        !text_dup(pg_url_value(options, "port"), &hosts->port))
        return error_set(err, ERROR_NOMEM, "no memory for the hosts of the database");
    counted = hosts->hostaddr != NULL ? hosts->hostaddr : hosts->host;
    hosts->count = 1;
    for (; counted != NULL && *counted != '\0'; counted++)
        hosts->count += *counted == ',';
    return true;
}

void
pg_hosts_free(struct pg_hosts *hosts)
{
    free(hosts->host);
    free(hosts->hostaddr);
    free(hosts->port);
    *hosts = (struct pg_hosts){.count = 0};
}

int
pg_hosts_at(const struct pg_hosts *hosts, const PGconn *conn)
{
    for (int i = 0; i < hosts->count; i++) {
        if (pg_hosts_item_fits(hosts->host, i, PQhost(conn)) &&
            pg_hosts_item_fits(hosts->hostaddr, i, PQhostaddr(conn)) &&
            pg_hosts_item_fits(hosts->port, i, PQport(conn)))
            return i;
    }
    return -1;
}

bool
pg_hosts_drop(struct pg_hosts *hosts, int index)
{
    if (index < 0 || hosts->count == 1)
        return false;
    pg_hosts_drop_item(hosts->host, index);
    pg_hosts_drop_item(hosts->hostaddr, index);
    pg_hosts_drop_item(hosts->port, index);
    hosts->count--;
    return true;
}
