/*
 * discrepancy — the kinds that the ledger knows.
 */
#ifndef LEDGER_DISCREPANCY_H
#define LEDGER_DISCREPANCY_H

enum { DISCREPANCY_KINDS_COUNT = 24, DISCREPANCY_KINDS_OF_PERSONS = 23 };

/* The first DISCREPANCY_KINDS_OF_PERSONS call a person; what follows is a note. */
extern const char *const DISCREPANCY_KINDS[DISCREPANCY_KINDS_COUNT];

#endif
