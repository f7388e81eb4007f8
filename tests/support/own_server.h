/*
 * own_server — a PostgreSQL that one test case has for itself, with settings of its own; it may
 * crash, fail over and have its clock set.
 */
#ifndef SUPPORT_OWN_SERVER_H
#define SUPPORT_OWN_SERVER_H

#include "support/support.h"

struct own_server {
    char dir[600];
    char url[SUPPORT_URL_MAX];
};

/* First in main: names the folders, which own_server_remove_all looks for. */
void own_server_begin(void);
/* Last in main: servers of cases that failed. */
void own_server_remove_all(void);

/* A folder that nobody has yet. */
void own_server_folder(char dir[600], const char *suffix);

/* settings ("name=value") and env (as support_spawn has it) end with NULL; NULL: none. From here on
 * it is the server that support_database_create uses. */
void own_server_start(struct own_server *server, const char *const settings[],
                      const char *const env[]);

/* Settings with which a commit is not durable unless the session asks for it: a crash then loses
 * the last page of the log. */
extern const char *const OWN_SERVER_FORGETFUL[];

/* A command of tests/fault/cluster.sh: crash, die, promote, remove. */
void own_server_do(const char *command, const char *dir);

/* Runs it, and fails the test when it does; line, if not NULL, gets the first one of its output. */
void own_server_shell(const char *what, const char *const argv[], const char *const env[],
                      char *line, size_t bytes);

#endif
