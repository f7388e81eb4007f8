/*
 * parcelpost — a made-up API, so that what is Digital River's stays in its own files.
 *
 * Nobody offers it. Its words, its paging, its key's header, its statuses and its
 * errors are others, it knows an idempotency key, and its lists show no marker.
 */
#ifndef SEAM_PARCELPOST_H
#define SEAM_PARCELPOST_H

#include "provider/methods.h"

extern const struct provider_methods PARCELPOST_METHODS;

#endif
