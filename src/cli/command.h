/*
 * command — every command as data, and what they share: exit codes, help, the configuration.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"
#include "cli/options.h"
#include "config/config.h"
#include "ledger/ledger.h"
#include "ledger/warehouse.h"

/* What the shell, cron and systemd are told. */
enum exit_code {
    EXIT_CODE_DONE = 0,     /* all that was due is delivered or properly waiting */
    EXIT_CODE_PERSON = 1,   /* done, but this run opened something that needs a person */
    EXIT_CODE_USAGE = 2,    /* the command line */
    EXIT_CODE_CONFIG = 3,   /* file, relation, schema; no baseline, paused, ledger not itself */
    EXIT_CODE_DATABASE = 4, /* unreachable or lost */
    EXIT_CODE_API = 5,      /* unreachable, refuses the key, told us to stay away */
};

/* Of two that hold, the one to report: 2, 3, 4, 5, 1, 0. */
enum exit_code exit_code_worse(enum exit_code a, enum exit_code b);
enum exit_code exit_code_of(const struct error *err);

/* What a command works with; made by cli_main. */
struct command_context {
    const struct options *options;
    bool is_quiet;
    FILE *out;
    bool is_terminal; /* out is one */
};

/* False: err says why, and the exit code follows from it. True: *code is the exit code. */
typedef bool command_fn(const struct command_context *context, enum exit_code *code,
                        struct error *err);

struct command {
    const char *name;
    const char *summary; /* one line */
    const char *usage;   /* what may follow the name */
    const char *help;    /* a few lines */
    const struct option *options;
    const char *examples[3]; /* ended by NULL */
    int positionals_max;
    bool logs_failure; /* its failure is a log line, as all it says; else plain text */
    command_fn *run;
};

extern const struct option COMMAND_OPTIONS[]; /* of all */

int command_count(void);
const struct command *command_at(int index);
const struct command *command_find(const char *name); /* NULL: none */
const char *command_nearest(const char *name);

/* Overview, one command's page, and the configuration's keys. */
void help_overview(FILE *out);
void help_command(const struct command *command, FILE *out);
void help_config(FILE *out);

/* Loads the file that --config names, or the first that is there, and sets up the log. Each mistake
 * in it goes to stderr as a line of its own. */
bool command_load_config(const struct command_context *context, struct config **out,
                         struct error *err);
/* The log as the options say, before there is a configuration; ERROR_USAGE. */
bool command_setup_log(const struct options *options, const struct config *config,
                       struct error *err);
bool command_open_ledger(const struct config *config, const char *command, struct ledger **out,
                         struct error *err);
bool command_open_warehouse(const struct config *config, struct ledger *ledger,
                            struct warehouse **out, struct error *err);

command_fn audit_command;
command_fn retry_command, hold_command, release_command, dismiss_command;
command_fn settle_command, adopt_command, forget_command, pause_command, resume_command;
command_fn init_command, check_command, baseline_command, plan_command, run_command, watch_command,
    status_command, report_command, recover_command, prune_command, version_command;

#endif
