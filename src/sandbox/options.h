/*
 * options — the command line of waybill-sandbox.
 */
#ifndef SANDBOX_OPTIONS_H
#define SANDBOX_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define OPTIONS_KEYS_MAX  16
#define OPTIONS_SPECS_MAX 128

struct options {
    int64_t port; /* 0: any */
    const char *port_file;
    const char *keys[OPTIONS_KEYS_MAX];
    int keys_count;
    bool is_live;
    const char *orders_file;
    const char *journal_file;
    int64_t seed;
    int64_t rate; /* requests a second for one key; 0: no limit; -1: as documented */
    const char *faults[OPTIONS_SPECS_MAX];
    int faults_count;
    const char *switches[OPTIONS_SPECS_MAX];
    int switches_count;
    bool is_help;
    bool is_version;
};

/* Texts are borrowed from argv. */
bool sandbox_options_parse(struct options *options, int argc, char **argv, struct error *err);

/* On stdout. */
void sandbox_options_help(void);

#endif
