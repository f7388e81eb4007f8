/*
 * cli — from a command line to an exit code.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

/* Results go to stdout, everything else to stderr. */
int cli_main(int argc, const char *const *argv);

#endif
