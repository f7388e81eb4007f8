#include "sandbox/answer.h"

#include <stdio.h>
#include <string.h>

static const struct {
    int status;
    const char *type;
    const char *code;
    const char *message;
} answer_words[] = {
    {400, "bad_request", "bad_request", "The request is invalid."},
    {401, "unauthorized", "api_key_expired", "The API key is expired."},
    {403, "forbidden", "forbidden", "The key has no permission for this resource."},
    {404, "not_found", "not_found", "The requested resource was not found."},
    {405, "method_not_allowed", "method_not_allowed", "The method is not allowed."},
    {406, "not_acceptable", "not_acceptable", "The requested format is not available."},
    {408, "request_timeout", "request_timeout", "The request timed out."},
    {409, "conflict", "conflict", "The request conflicts with the state of the resource."},
    {429, "too_many_requests", "too_many_requests", "Too many requests."},
    {500, "internal_server_error", "internal_server_error", "An internal error occurred."},
    {502, "bad_gateway", "bad_gateway", "Bad gateway."},
    {503, "service_unavailable", "service_unavailable", "The service is unavailable."},
    {504, "gateway_timeout", "gateway_timeout", "Gateway timeout."},
};

#define ANSWER_WORDS (sizeof(answer_words) / sizeof(answer_words[0]))

void
answer_init(struct answer *answer)
{
    memset(answer, 0, sizeof(*answer));
    buffer_init(&answer->body, SANDBOX_ANSWER_MAX);
    answer->status = 200;
    answer->content_type = "application/json";
    answer->endpoint = ENDPOINT_OTHER;
}

void
answer_clear(struct answer *answer)
{
    buffer_reset(&answer->body);
    answer->content_type = "application/json";
}

static const char *
answer_type(int status)
{
    for (size_t i = 0; i < ANSWER_WORDS; i++)
        if (answer_words[i].status == status)
            return answer_words[i].type;
    return "bad_request";
}

bool
answer_error(struct answer *answer, int status, const char *code, const char *parameter,
             const char *fmt, ...)
{
    struct json_writer w;
    struct buffer message;
    va_list args;

    buffer_init(&message, 4096);
    va_start(args, fmt);
    (void)buffer_vprintf(&message, fmt, args);
    va_end(args);
    answer_clear(answer);
    answer->status = status;
    json_write_init(&w, &answer->body);
    json_write_object(&w, NULL);
    json_write_text(&w, "type", answer_type(status));
    json_write_array(&w, "errors");
    json_write_object(&w, NULL);
    json_write_text(&w, "code", code);
    if (parameter != NULL)
        json_write_text(&w, "parameter", parameter);
    json_write_text(&w, "message", buffer_text(&message));
    json_write_end_object(&w);
    json_write_end_array(&w);
    json_write_end_object(&w);
    buffer_free(&message);
    return false;
}

void
answer_status(struct answer *answer, int status)
{
    for (size_t i = 0; i < ANSWER_WORDS; i++)
        if (answer_words[i].status == status)
            (void)answer_error(answer, status, answer_words[i].code, NULL, "%s",
                               answer_words[i].message);
}

bool
answer_authorization_failed(struct answer *answer)
{
    answer_clear(answer);
    answer->status = 409;
    (void)buffer_puts(
        &answer->body,
        "{\"errors\":[{\"code\":\"payment_authorization_failed\",\"parameter\":\"orderId\","
        "\"description\":\"Fulfillment cannot be processed because the payment authorization has "
        "expired\"}]}");
    return false;
}

void
answer_page(struct answer *answer, int status)
{
    answer_clear(answer);
    answer->status = status;
    answer->content_type = "text/html";
    (void)buffer_printf(
        &answer->body,
        "<html><head><META NAME=\"robots\" CONTENT=\"noindex,nofollow\"><title>%d</title></head>"
        "<body><iframe src=\"/_Incapsula_Resource\">Request unsuccessful. Incident ID: "
        "0000-%s</iframe></body></html>\r\n",
        status, answer->request_id);
}
