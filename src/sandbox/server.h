/*
 * server — carries answers out over HTTP, with endings that no proper server has.
 *
 * Owns libmicrohttpd. One thread: sockets, timers and signals are waited for in one place.
 */
#ifndef SANDBOX_SERVER_H
#define SANDBOX_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "sandbox/sandbox.h"

struct server;

/* Listens on loopback when it returns. */
bool server_open(struct server **out, struct sandbox *sandbox, int64_t port, struct error *err);
void server_close(struct server *server); /* NULL is fine */

int server_port(const struct server *server);

/* Until stop_fd can be read. */
bool server_run(struct server *server, int stop_fd, struct error *err);

/* The whole program. */
int sandbox_main(int argc, char **argv);

#endif
