#include "pg/internal.h"

/* libpq's own object serves: the name only keeps it inside this room. */
struct pg_cancel *
pg_cancel_new(struct pg *pg)
{
    return pg->conn == NULL ? NULL : (struct pg_cancel *)PQgetCancel(pg->conn);
}

void
pg_cancel_send(struct pg_cancel *cancel)
{
    char ignored[256];

    if (cancel != NULL)
        (void)PQcancel((PGcancel *)cancel, ignored, sizeof(ignored));
}

void
pg_cancel_free(struct pg_cancel *cancel)
{
    PQfreeCancel((PGcancel *)cancel);
}
