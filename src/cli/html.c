#include "cli/html.h"

#include "base/text.h"

#define HTML_TEXT_BYTES_MAX ((size_t)256 * 1024)

void
html_text(struct buffer *buf, const char *text)
{
    struct buffer visible;

    buffer_init(&visible, HTML_TEXT_BYTES_MAX);
    (void)text_append_visible(&visible, text);
    for (const char *at = buffer_text(&visible); *at != '\0'; at++) {
        switch (*at) {
        case '&':
            (void)buffer_puts(buf, "&amp;");
            break;
        case '<':
            (void)buffer_puts(buf, "&lt;");
            break;
        case '>':
            (void)buffer_puts(buf, "&gt;");
            break;
        case '"':
            (void)buffer_puts(buf, "&quot;");
            break;
        case '\'':
            (void)buffer_puts(buf, "&#39;");
            break;
        default:
            (void)buffer_putc(buf, *at);
        }
    }
    buffer_free(&visible);
}
