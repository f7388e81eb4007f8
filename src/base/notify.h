/*
 * notify — tells a service manager that we are ready, alive, or about to stop.
 *
 * The protocol of sd_notify(3) without its library: one datagram to the socket
 * that NOTIFY_SOCKET names, a path or, with @ in front, an abstract name. Where
 * nobody asked for it nothing is sent, and nothing here ever fails the work.
 */
#ifndef BASE_NOTIFY_H
#define BASE_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* "READY=1", "STOPPING=1", "WATCHDOG=1", lines joined by \n. False: it wasn't sent, as nobody asked
 * for it or nobody is there. */
bool notify_send(const char *state);

/* How often the manager wants to hear WATCHDOG=1, as WATCHDOG_USEC and WATCHDOG_PID say; half of
 * the time after which it kills us. 0: never. */
int64_t notify_watchdog_ms(void);

#endif
