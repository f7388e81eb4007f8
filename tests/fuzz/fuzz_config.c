/*
 * The YAML file. Either a whole configuration comes out, or at least one problem that names the
 * file's place in text that a terminal can be shown.
 */
#include <string.h>

#include "base/text.h"
#include "config/config.h"
#include "fuzz/fuzz.h"

static void
look_at_line(const char *line)
{
    size_t left = strlen(line);

    FUZZ_MUST(strncmp(line, "f.yaml:", 7) == 0);
    while (left > 0) {
        uint32_t code_point = 0;
        size_t length = text_decode(line, left, &code_point);

        FUZZ_MUST(length > 0 && !text_is_unsafe(code_point));
        line += length;
        left -= length;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct config *config = NULL;
    struct config_problems *problems = NULL;
    struct error err = {0};

    if (config_parse((const char *)bytes, count, "f.yaml", &config, &problems, &err)) {
        FUZZ_MUST(config != NULL && problems == NULL && err.message[0] == '\0');
        FUZZ_MUST(config->database.url != NULL && config->api.base_url != NULL);
        FUZZ_MUST(config->warehouse.line_items_name != NULL);
        FUZZ_MUST(config->retry.max_delay_ms >= config->retry.first_delay_ms);
        FUZZ_MUST(config->api.is_loopback || config->api.settle_ms >= 60000);
    } else {
        FUZZ_MUST(config == NULL && err.code == ERROR_CONFIG &&
                  config_problems_count(problems) > 0);
        for (int i = 0; i < config_problems_count(problems); i++)
            look_at_line(config_problems_line(problems, i));
    }
    config_problems_free(problems);
    config_free(config);
    return 0;
}
