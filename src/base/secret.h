/*
 * secret — a key that has no print function.
 *
 * The bytes can only be handed to a function that sets a header; they are
 * wiped when freed and kept out of core dumps where the system allows it.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>

#include "base/error.h"

struct secret;

/* First line of a file, white space around it cut off. Refuses an empty one, one above 4096 bytes,
 * a file that others can read (mode & 0077 other than group read), and control characters inside.
 */
bool secret_from_file(const char *path, struct secret **out, struct error *err);
bool secret_from_env(const char *name, struct secret **out, struct error *err);
bool secret_from_text(const char *text, struct secret **out, struct error *err);
void secret_free(struct secret *secret); /* NULL is fine */

/* From here on this process leaves no core dump, and others of the same user can't read its memory
 * or environment: keys are in other places too, such as a request under way. Best effort. */
void secret_guard_process(void);

/* For the one place that makes the Authorization header. */
const char *secret_reveal(const struct secret *secret);

#endif
