#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "support/support.h"

#define SUPPORT_ANSWER_MAX      ((size_t)64 * 1024 * 1024)
#define SUPPORT_HTTP_TIMEOUT_MS 60000L

static size_t
support_http_body(char *bytes, size_t size, size_t count, void *ctx)
{
    return buffer_append(ctx, bytes, size * count) ? size * count : 0;
}

/* Drives one transfer to its end; its own time-out bounds the loop. */
static CURLcode
support_http_perform(CURL *easy)
{
    CURLM *multi = curl_multi_init();
    CURLcode result = CURLE_FAILED_INIT;
    int running = 1;
    int left;
    CURLMsg *message;

    ck_assert_ptr_nonnull(multi);
    ck_assert_int_eq(curl_multi_add_handle(multi, easy), CURLM_OK);
    while (running > 0) {
        ck_assert_int_eq(curl_multi_perform(multi, &running), CURLM_OK);
        if (running > 0)
            ck_assert_int_eq(curl_multi_poll(multi, NULL, 0, 1000, NULL), CURLM_OK);
    }
    message = curl_multi_info_read(multi, &left);
    if (message != NULL)
        result = message->data.result;
    (void)curl_multi_remove_handle(multi, easy);
    (void)curl_multi_cleanup(multi);
    return result;
}

int
support_http(const char *method, const char *url, const char *const headers[], const char *body,
             char **answer)
{
    CURL *easy = curl_easy_init();
    struct curl_slist *list = NULL;
    struct buffer text;
    long status = 0;

    ck_assert_ptr_nonnull(easy);
    buffer_init(&text, SUPPORT_ANSWER_MAX);
    for (int i = 0; headers != NULL && headers[i] != NULL; i++)
        list = curl_slist_append(list, headers[i]);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, SUPPORT_HTTP_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, support_http_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &text);
    if (body != NULL) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    }
    if (support_http_perform(easy) == CURLE_OK)
        ck_assert_int_eq(curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status), CURLE_OK);
    curl_slist_free_all(list);
    curl_easy_cleanup(easy);
    if (answer != NULL) {
        *answer = buffer_take(&text);
        ck_assert_ptr_nonnull(*answer);
    }
    buffer_free(&text);
    return (int)status;
}

int
support_http_get(const char *url, char **answer)
{
    return support_http("GET", url, NULL, NULL, answer);
}

int
support_http_post(const char *url, const char *body, char **answer)
{
    const char *const headers[] = {"Content-Type: application/json", NULL};

    return support_http("POST", url, headers, body, answer);
}
