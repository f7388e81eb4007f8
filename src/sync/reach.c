#include "sync/reach.h"

#include "base/log.h"
#include "ledger/work.h"

const char *
reach_advice(enum http_distrust distrust)
{
    switch (distrust) {
    case HTTP_DISTRUST_NAME:
        return "api.base_url must have the host's name as the certificate has it; if it does, "
               "somebody else answers";
    case HTTP_DISTRUST_EXPIRED:
        return "is this host's clock right (date)? if so, whoever runs the server must renew its "
               "certificate";
    case HTTP_DISTRUST_NOT_YET_VALID:
        return "is this host's clock right (date)?";
    case HTTP_DISTRUST_SELF_SIGNED:
        return "name the file with this certificate in api.ca_file, if it came from whom you "
               "trust; else somebody stands between you and the API";
    case HTTP_DISTRUST_AUTHORITY:
        return "name the file with the authority's certificate in api.ca_file, or correct it; "
               "without api.ca_file the system's count (Debian: ca-certificates)";
    case HTTP_DISTRUST_PROTOCOL:
        return "whoever runs the server, or the firewall before it, must allow TLS 1.2";
    case HTTP_DISTRUST_CA_FILE:
        return "api.ca_file must name a file of certificates in PEM that this user can read";
    case HTTP_DISTRUST_OTHER:
        return "is api.base_url right? a certificate that can't be verified is never accepted; "
               "its authorities are in api.ca_file, or the system's";
    case HTTP_DISTRUST_NONE:
        break;
    }
    return "is api.base_url right?";
}

bool
reach_block(struct budget *budget, struct ledger *ledger, int64_t ms, struct error *err)
{
    if (ms <= budget_blocked_ms(budget))
        return true;
    budget_block(budget, ms);
    log_event(LOG_WARN, "sync", "blocked", "why", REACH_429, "ms", log_int(ms), NULL);
    return work_block_key(ledger, ms, REACH_429, err);
}
