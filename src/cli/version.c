#include "cli/command.h"

#include "http/http.h"
#include "pg/pg.h"
#include "json/json.h"

bool
version_command(const struct command_context *context, enum exit_code *code, struct error *err)
{
    (void)err;
    (void)fprintf(context->out, "waybill %s\n", WAYBILL_VERSION);
    (void)fprintf(context->out, "libpq %s\n", pg_library_version());
    (void)fprintf(context->out, "%s\n", http_library_version());
    (void)fprintf(context->out, "cJSON %s\n", json_library_version());
    (void)fprintf(context->out, "libyaml %s\n", config_library_version());
    *code = EXIT_CODE_DONE;
    return true;
}
