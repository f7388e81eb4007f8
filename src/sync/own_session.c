#include "sync/own_session.h"

#include <stdio.h>

enum { OWN_SESSION_CONNECT_MS = 10000 };

bool
own_session_open(struct ledger **out, const struct sync_options *options, const char *name,
                 const struct own_session_limits *limits, struct error *err)
{
    char application[64];
    const struct ledger_options session = {
        .url = options->database_url,
        .schema = options->schema,
        .application_name = application,
        .statement_timeout_ms = limits->statement_ms,
        .lock_timeout_ms = limits->lock_ms,
        .connect_timeout_ms = limits->connect_ms > 0 ? limits->connect_ms : OWN_SESSION_CONNECT_MS};

    (void)snprintf(application, sizeof(application), "waybill %s", name);
    return ledger_open(out, &session, err);
}
