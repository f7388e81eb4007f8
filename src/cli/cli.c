#include "cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/table.h"

/* All tables at once: which words are values of options must be known before the command is. */
enum { CLI_TABLES_MAX = 32 };

static int
cli_all_tables(const struct option **tables)
{
    int count = 0;

    tables[count++] = COMMAND_OPTIONS;
    for (int i = 0; i < command_count() && count < CLI_TABLES_MAX; i++)
        tables[count++] = command_at(i)->options;
    return count;
}

static int
cli_usage(const char *command, const struct error *err)
{
    (void)fputs(command != NULL ? "waybill " : "waybill", stderr);
    (void)fprintf(stderr, "%s: ", command != NULL ? command : "");
    table_put_visible(stderr, err->message);
    (void)fprintf(stderr, "\ntry 'waybill%s%s --help'\n", command != NULL ? " " : "",
                  command != NULL ? command : "");
    return EXIT_CODE_USAGE;
}

static int
cli_fail(const struct command *command, const struct error *err)
{
    if (err->code == ERROR_USAGE)
        return cli_usage(command->name, err);
    if (command->logs_failure) {
        log_failure(LOG_ERROR, "cli", "failed", err);
        return (int)exit_code_of(err);
    }
    (void)fprintf(stderr, "waybill %s: ", command->name);
    if (err->context[0] != '\0') {
        table_put_visible(stderr, err->context);
        (void)fputs(": ", stderr);
    }
    table_put_visible(stderr, err->message);
    (void)fputc('\n', stderr);
    if (err->hint[0] != '\0') {
        (void)fputs("hint: ", stderr);
        table_put_visible(stderr, err->hint);
        (void)fputc('\n', stderr);
    }
    return (int)exit_code_of(err);
}

static bool
cli_flush(struct error *err)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return true;
    return error_set(err, ERROR_IO, "the results can't be written");
}

static int
cli_unknown_command(const char *name)
{
    struct error err = {0};
    const char *nearest = command_nearest(name);

    if (nearest != NULL)
        error_set(&err, ERROR_USAGE, "unknown command \"%s\", did you mean %s?", name, nearest);
    else
        error_set(&err, ERROR_USAGE, "unknown command \"%s\"", name);
    return cli_usage(NULL, &err);
}

/* `waybill help [COMMAND | config]`, and `waybill [--help]` */
static int
cli_help(const char *name)
{
    const struct command *command = NULL;
    struct error err = {0};

    if (name != NULL && strcmp(name, "config") == 0) {
        help_config(stdout);
    } else if (name != NULL && strcmp(name, "help") != 0) {
        command = command_find(name);
        if (command == NULL)
            return cli_unknown_command(name);
        help_command(command, stdout);
    } else {
        help_overview(stdout);
    }
    if (cli_flush(&err))
        return EXIT_CODE_DONE;
    (void)fprintf(stderr, "waybill help: %s\n", err.message);
    return (int)exit_code_of(&err);
}

static int
cli_run(const struct command *command, const struct options *options)
{
    struct error err = {0};
    enum exit_code code = EXIT_CODE_DONE;
    struct command_context context = {
        .options = options,
        .is_quiet = options_has(options, "quiet"),
        .out = stdout,
        .is_terminal = isatty(STDOUT_FILENO) == 1,
    };

    if (options->positionals_count > command->positionals_max) {
        error_set(&err, ERROR_USAGE, "unexpected argument \"%s\"",
                  options->positionals[command->positionals_max]);
        return cli_usage(command->name, &err);
    }
    if (!command_setup_log(options, NULL, &err) || !command->run(&context, &code, &err))
        return cli_fail(command, &err);
    if (cli_flush(&err))
        return (int)code;
    /* What a run did is in the ledger, whoever could not be told; another command's results are all
     * that it is for, or the only word of what it did. */
    if (!command->logs_failure)
        return cli_fail(command, &err);
    log_failure(LOG_WARN, "cli", "summary_not_written", &err);
    return (int)code;
}

/* Without a command. */
static int
cli_alone(int argc, const char *const *argv)
{
    const struct option *const tables[] = {COMMAND_OPTIONS};
    struct options options;
    struct error err = {0};

    if (!options_parse(argc, argv, 0, tables, 1, &options, &err))
        return cli_usage(NULL, &err);
    help_overview(stdout);
    return options_has(&options, "help") ? EXIT_CODE_DONE : EXIT_CODE_USAGE;
}

int
cli_main(int argc, const char *const *argv)
{
    const struct option *all[CLI_TABLES_MAX];
    int all_count = cli_all_tables(all);
    int at = options_first_positional(argc, argv, all, all_count);
    const struct command *command;
    struct options options;
    struct error err = {0};

    if (at == 0)
        return cli_alone(argc, argv);
    if (strcmp(argv[at], "help") == 0)
        return cli_help(at + 1 < argc && argv[at + 1][0] != '-' ? argv[at + 1] : NULL);
    command = command_find(argv[at]);
    if (command == NULL)
        return cli_unknown_command(argv[at]);

    const struct option *const tables[] = {command->options, COMMAND_OPTIONS};

    if (!options_parse(argc, argv, at, tables, 2, &options, &err))
        return cli_usage(command->name, &err);
    if (options_has(&options, "help"))
        return cli_help(command->name);
    return cli_run(command, &options);
}
