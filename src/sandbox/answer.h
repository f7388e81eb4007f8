/*
 * answer — errors in the API's own envelope.
 */
#ifndef SANDBOX_ANSWER_H
#define SANDBOX_ANSWER_H

#include <stdbool.h>

#include "base/error.h"
#include "sandbox/sandbox.h"
#include "json/json.h"

void answer_init(struct answer *answer);

/* Throw away what was written. */
void answer_clear(struct answer *answer);

/* {"type", "errors": [{"code", "parameter", "message"}]}; parameter NULL leaves it out. Always
 * returns false, so that a check can say `return answer_error(...)`. */
bool answer_error(struct answer *answer, int status, const char *code, const char *parameter,
                  const char *fmt, ...) PRINTF_LIKE(5, 6);

/* What a status that nobody asked for says. */
void answer_status(struct answer *answer, int status);

/* The 409 without `type` and with `description` that the documents show for an expired
 * authorization. */
bool answer_authorization_failed(struct answer *answer);

/* The page of a firewall or gateway. */
void answer_page(struct answer *answer, int status);

#endif
