/*
 * circuit — how many POSTs may be out at a time, by what became of the last ones.
 *
 * Where one after the other fails, more of them would only make more unknowns, or knock at a
 * firewall that refuses them all. The circuit opens: no POST leaves but a probe now and then, one
 * for all hosts together, as the ledger deals them out. When one passes, two may be out, then four:
 * it widens as they pass, and halves with each that fails. Questions (GETs) change nothing at the
 * API and are left alone.
 */
#ifndef SYNC_CIRCUIT_H
#define SYNC_CIRCUIT_H

#include <stdbool.h>

enum { CIRCUIT_FAILURES_MAX = 20 };

struct circuit {
    int most; /* as many as there are slots */
    int width;
    int out;
    int failures; /* in a row */
    bool is_open;
    bool is_probing; /* the one probe of all hosts is ours */
};

void circuit_init(struct circuit *circuit, int most);

/* Nothing failed lately: what is claimed ahead may be more than there are slots. */
bool circuit_is_whole(const struct circuit *circuit);

/* How many more may be claimed now. */
int circuit_room(const struct circuit *circuit);

/* One was claimed; it is over, whether it was sent or not. */
void circuit_take(struct circuit *circuit);
void circuit_over(struct circuit *circuit);

/* The API didn't answer, or not so that it could be read, or what stands before it did. True: all
 * hosts have to hear that it is open, or that the probe failed; was_probe says which. */
bool circuit_failed(struct circuit *circuit, bool *was_probe);

/* The API took it, or refused it for a reason of its own: it works. True: all hosts have to hear.
 */
bool circuit_passed(struct circuit *circuit);

/* What the ledger says, after others found out. */
void circuit_hear(struct circuit *circuit, bool is_open);

/* The ledger gave us the next probe; and there was nothing to send. */
void circuit_probe(struct circuit *circuit);
void circuit_probe_void(struct circuit *circuit);

#endif
