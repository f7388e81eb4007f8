/*
 * file — a file replaced as a whole: readers see the old one or the new one, never half of either;
 * and the descriptors that a program begins with.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Writes a new file beside path and renames it; ERROR_IO, and nothing is left behind. With the mode
 * that the umask leaves of 0666. What is there already must be an ordinary file: root could replace
 * a device, and with it break the machine. */
bool file_replace(const char *path, const void *bytes, size_t count, struct error *err);

/* Takes the places of stdin, stdout and stderr where the caller closed them, before a socket gets
 * one and is sent what was meant for people. To read the first and to write the others still fails.
 * The first thing in main; false without /dev/null. */
bool file_guard_standard(void);

#endif
