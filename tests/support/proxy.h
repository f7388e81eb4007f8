/*
 * proxy — a TCP relay between the bridge and a server, which can hold what passes.
 *
 * It is how a test stops the bridge at a named step without a hook in the
 * product: the bytes of a statement or request that were recognised are held
 * before they reach the server, or the server's answer is held after it came.
 * It can also go silent without closing anything, as a broken network does.
 * A process of its own; it ends with the test's.
 */
#ifndef SUPPORT_PROXY_H
#define SUPPORT_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct proxy;

/* Relays a free port on loopback to host:port. Fails the test when it can't. */
struct proxy *proxy_start(const char *host, int port);
void proxy_stop(struct proxy *proxy); /* NULL is fine */
int proxy_port(const struct proxy *proxy);

/* Nothing passes and nothing is closed, until false. */
void proxy_be_silent(struct proxy *proxy, bool is_silent);
/* Every connection is reset. */
void proxy_cut(struct proxy *proxy);

enum proxy_when { PROXY_BEFORE, PROXY_AFTER };

/* Hold the next client's bytes that contain the pattern (BEFORE: they don't reach the server;
 * AFTER: they do, and the answer, which has come, is held). One pattern at a time. */
void proxy_hold(struct proxy *proxy, const void *pattern, size_t bytes, enum proxy_when when);
bool proxy_is_holding(const struct proxy *proxy);
/* Let the held bytes go on; returns when they have, so that the next hold is not taken for this
 * one. If their client is gone by then, they never arrive. */
void proxy_release(struct proxy *proxy);
/* No longer wait for the pattern; what is held stays held. */
void proxy_forget(struct proxy *proxy);

#endif
