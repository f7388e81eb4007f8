#include "sync/circuit.h"

#include <assert.h>

void
circuit_init(struct circuit *circuit, int most)
{
    assert(most > 0);
    *circuit = (struct circuit){.most = most, .width = most};
}

bool
circuit_is_whole(const struct circuit *circuit)
{
    return !circuit->is_open && circuit->failures == 0 && circuit->width == circuit->most;
}

int
circuit_room(const struct circuit *circuit)
{
    int width = circuit->width;

    if (circuit->is_open)
        width = circuit->is_probing ? 1 : 0;
    return width > circuit->out ? width - circuit->out : 0;
}

void
circuit_take(struct circuit *circuit)
{
    circuit->out++;
}

void
circuit_over(struct circuit *circuit)
{
    assert(circuit->out > 0);
    circuit->out--;
    circuit_probe_void(circuit); /* one that told nothing; the ledger lends it again */
}

bool
circuit_failed(struct circuit *circuit, bool *was_probe)
{
    *was_probe = circuit->is_probing;
    circuit->is_probing = false;
    if (circuit->is_open)
        return *was_probe; /* another left before it opened, and says nothing new */
    if (++circuit->failures >= CIRCUIT_FAILURES_MAX) {
        circuit->is_open = true;
        return true;
    }
    if (circuit->width < circuit->most && circuit->width > 1)
        circuit->width /= 2;
    return false;
}

bool
circuit_passed(struct circuit *circuit)
{
    bool was_open = circuit->is_open;

    if (was_open)
        circuit->width = 1;
    circuit->is_open = false;
    circuit->is_probing = false;
    circuit->failures = 0;
    if (circuit->width < circuit->most)
        circuit->width++;
    return was_open;
}

void
circuit_hear(struct circuit *circuit, bool is_open)
{
    if (is_open == circuit->is_open)
        return;
    circuit->is_open = is_open;
    circuit->is_probing = false;
    circuit->failures = 0;
    circuit->width = 1;
}

void
circuit_probe(struct circuit *circuit)
{
    assert(circuit->is_open);
    circuit->is_probing = true;
}

void
circuit_probe_void(struct circuit *circuit)
{
    circuit->is_probing = false;
}
