/* trust — what a TLS handshake failed by, told apart from what libcurl says. */
#ifndef HTTP_TRUST_H
#define HTTP_TRUST_H

#include <curl/curl.h>

#include "http/http.h"

/* said: libcurl's words for the failure, "" when it had none. */
enum http_distrust trust_judge(CURL *easy, CURLcode code, const char *said);

/* In words of our own; NULL where libcurl's are the better ones. */
const char *trust_words(enum http_distrust distrust);

#endif
