#include "http/trust.h"

#include <string.h>

/* What OpenSSL found wrong with a chain (X509_V_ERR_*): libcurl hands its number on as it is. A
 * name that doesn't fit has none of them. */
enum {
    TRUST_NOT_YET_VALID = 9,
    TRUST_EXPIRED = 10,
    TRUST_SELF_SIGNED = 18,
    TRUST_SELF_SIGNED_IN_CHAIN = 19,
    TRUST_NO_LOCAL_ISSUER = 20,
    TRUST_LEAF_UNVERIFIED = 21,
};

/* Another library under libcurl counts otherwise. */
static bool
trust_is_openssl(void)
{
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

    return info->ssl_version != NULL && strncmp(info->ssl_version, "OpenSSL/", 8) == 0;
}

static enum http_distrust
trust_judge_chain(CURL *easy, const char *said)
{
    long found = 0;

    if (strstr(said, "subject name") != NULL)
        return HTTP_DISTRUST_NAME;
    if (!trust_is_openssl() ||
        curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &found) != CURLE_OK)
        return HTTP_DISTRUST_OTHER;
    switch (found) {
    case TRUST_NOT_YET_VALID:
        return HTTP_DISTRUST_NOT_YET_VALID;
    case TRUST_EXPIRED:
        return HTTP_DISTRUST_EXPIRED;
    case TRUST_SELF_SIGNED:
        return HTTP_DISTRUST_SELF_SIGNED;
    case TRUST_SELF_SIGNED_IN_CHAIN:
    case TRUST_NO_LOCAL_ISSUER:
    case TRUST_LEAF_UNVERIFIED:
        return HTTP_DISTRUST_AUTHORITY;
    default:
        return HTTP_DISTRUST_OTHER;
    }
}

enum http_distrust
trust_judge(CURL *easy, CURLcode code, const char *said)
{
    switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
        return trust_judge_chain(easy, said);
    case CURLE_SSL_CACERT_BADFILE:
        return HTTP_DISTRUST_CA_FILE;
    case CURLE_SSL_CONNECT_ERROR:
        return strstr(said, "protocol version") != NULL ||
                       strstr(said, "unsupported protocol") != NULL
                   ? HTTP_DISTRUST_PROTOCOL
                   : HTTP_DISTRUST_NONE;
    default:
        return HTTP_DISTRUST_NONE;
    }
}

const char *
trust_words(enum http_distrust distrust)
{
    switch (distrust) {
    case HTTP_DISTRUST_NOT_YET_VALID:
        return "the server's certificate is not yet valid";
    case HTTP_DISTRUST_EXPIRED:
        return "the server's certificate has expired";
    case HTTP_DISTRUST_SELF_SIGNED:
        return "the server's certificate is signed by itself, by no authority";
    case HTTP_DISTRUST_AUTHORITY:
        return "the server's certificate is of an authority that isn't trusted here";
    case HTTP_DISTRUST_PROTOCOL:
        return "the server offers no TLS 1.2 or later"; /* OpenSSL's words don't say what it lacks
                                                         */
    case HTTP_DISTRUST_NAME:                            /* libcurl says which name */
    case HTTP_DISTRUST_CA_FILE:                         /* and which file */
    case HTTP_DISTRUST_OTHER:
    case HTTP_DISTRUST_NONE:
        break;
    }
    return NULL;
}
