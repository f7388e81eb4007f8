/*
 * html — text into a page, so that none of it can become markup.
 */
#ifndef CLI_HTML_H
#define CLI_HTML_H

#include "base/buffer.h"

/* Fit for content and for quoted attributes; control characters and those that reorder lines are
 * shown. NULL appends nothing. */
void html_text(struct buffer *buf, const char *text);

#endif
