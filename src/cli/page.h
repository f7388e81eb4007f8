/*
 * page — the ledger's state as one HTML file that needs nothing else.
 *
 * No scripts, fonts or pictures from anywhere, and a policy that allows none:
 * what data holds can't become more than text, whoever mails the page around.
 */
#ifndef CLI_PAGE_H
#define CLI_PAGE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "cli/status.h"
#include "ledger/report.h"

#define PAGE_BYTES_MAX ((size_t)8 * 1024 * 1024)

/* status with its pace. made_at: when it was read, for the reader. ERROR_LIMIT when it is longer
 * than the buffer may be. */
bool page_build(const struct status *status, const struct report_page *page, const char *schema,
                const char *made_at, struct buffer *out, struct error *err);

#endif
