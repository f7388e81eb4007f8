/* reach — what to do about an API that can't be reached. */
#ifndef SYNC_REACH_H
#define SYNC_REACH_H

#include "http/http.h"

/* For HTTP_DISTRUST_NONE it asks for api.base_url. */
const char *reach_advice(enum http_distrust distrust);

#endif
