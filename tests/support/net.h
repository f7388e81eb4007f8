/*
 * net — hosts on one machine: each a network namespace, all on one switch, with links that can be
 * pulled.
 *
 * The network is 127.0.0.0/24, moved from the loopback device to the wire: so
 * the sandbox, which listens on 127.0.0.1 only, can have a host of its own, and
 * the bridge takes it for a rehearsal, whose settle times may be short. Nothing
 * of it is seen outside of the process that made it, and it is gone with it.
 */
#ifndef SUPPORT_NET_H
#define SUPPORT_NET_H

#include <stdbool.h>
#include <stddef.h>

struct net_host {
    int fd;     /* of its namespace */
    int number; /* its address is 127.0.0.number */
};

/* False where namespaces can't be made; why says what is missing. Leaves nothing behind. */
bool net_is_possible(char *why, size_t bytes);

/* This process becomes the switch, 127.0.0.254. Once. */
void net_begin(void);
void net_add(struct net_host *host, int number);

/* What is spawned or listened on from now on belongs to that host; NULL: to the switch. */
void net_enter(const struct net_host *host);

/* A pulled cable: nothing passes, nobody is told, no connection is closed. */
void net_pull(const struct net_host *host);
void net_plug(const struct net_host *host);

/* The same between two hosts only: each still reaches all others. */
void net_part(const struct net_host *one, const struct net_host *other);
void net_join(const struct net_host *one, const struct net_host *other);

/* Connections of a host that its programs have given up, and whose last bytes its kernel still
 * tries to deliver. */
int net_orphans(const struct net_host *host);

/* A long way: the current host takes connections on from:port and relays them to to:port, each way
 * with half of round_trip_ms. Ends with this process. */
void net_delay(const char *from, const char *to, int port, int round_trip_ms);

#endif
