#include <string.h>

#include "cli/command.h"
#include "config/config.h"

static void
help_options(const struct option *options, FILE *out)
{
    for (const struct option *o = options; o != NULL && o->name != NULL; o++) {
        char left[64];

        (void)snprintf(left, sizeof(left), "%c%c%s--%s%s%s", o->letter != '\0' ? '-' : ' ',
                       o->letter != '\0' ? o->letter : ' ', o->letter != '\0' ? ", " : "  ",
                       o->name, o->value != NULL ? " " : "", o->value != NULL ? o->value : "");
        (void)fprintf(out, "  %-28s  %s\n", left, o->help);
    }
}

void
help_overview(FILE *out)
{
    (void)fputs("usage: waybill COMMAND [options]\n\n"
                "Posts what a warehouse has shipped and cancelled to the Fulfillments API:\n"
                "every unit once, never lost, never twice.\n\ncommands:\n",
                out);
    for (int i = 0; i < command_count(); i++)
        (void)fprintf(out, "  %-10s  %s\n", command_at(i)->name, command_at(i)->summary);
    (void)fputs("\noptions of all:\n", out);
    help_options(COMMAND_OPTIONS, out);
    (void)fputs("\nexit codes: 0 done, 1 a person must look, 2 usage, 3 configuration, 4 database, "
                "5 API\n"
                "`waybill help COMMAND` says more, `waybill help config` has the keys of the "
                "configuration.\n",
                out);
}

void
help_command(const struct command *command, FILE *out)
{
    (void)fprintf(out, "usage: waybill %s%s%s\n\n%s\n", command->name,
                  command->usage[0] != '\0' ? " " : "", command->usage, command->help);
    if (command->options != NULL && command->options[0].name != NULL) {
        (void)fputs("\noptions:\n", out);
        help_options(command->options, out);
    }
    (void)fputs("\noptions of all:\n", out);
    help_options(COMMAND_OPTIONS, out);
    (void)fputs("\nexamples:\n", out);
    for (const char *const *example = command->examples; *example != NULL; example++)
        (void)fprintf(out, "  %s\n", *example);
}

void
help_config(FILE *out)
{
    (void)fputs("usage: waybill help config\n\n"
                "The keys of the configuration: one YAML file, with sections and the keys below "
                "them.\n",
                out);
    for (int i = 0; i < config_keys_count(); i++) {
        struct config_key_text key;

        config_key_describe(i, &key);
        (void)fprintf(out, "\n  %s\n      %s\n      %s\n", key.name, key.help, key.range);
        if (key.is_required)
            (void)fputs("      required\n", out);
        else if (key.initial != NULL)
            (void)fprintf(out, "      default: %s\n", key.initial);
    }
}
