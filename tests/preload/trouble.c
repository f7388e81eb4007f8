/*
 * trouble — preloaded into waybill, lets one statement or one allocation of it fail, the first time
 * that it comes.
 *
 * WAYBILL_TROUBLE_AT names it: "refused NAME" or "lost NAME" for a statement, "memory ID" for an
 * allocation. WAYBILL_TROUBLE_LIST is a file that all are added to, each once. An allocation is
 * known by who asked for it: the way there through the program, as offsets.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <unwind.h>

#define SEEN_MAX   16384 /* a power of two */
#define FRAMES_MAX 8

/* glibc's own, below the ones that stand in their place here. */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *old, size_t bytes);

static uint64_t seen[SEEN_MAX];
static int seen_count;
static uintptr_t program_from, program_to;
static char at[256];
static char list_path[512];
static int is_over, is_looking, has_begun, is_ending;
static uint64_t memory_at;

static int
trouble_program(struct dl_phdr_info *info, size_t bytes, void *ctx)
{
    (void)bytes;
    (void)ctx;
    program_from = info->dlpi_addr;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        uintptr_t end = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;

        if (info->dlpi_phdr[i].p_type == PT_LOAD && end > program_to)
            program_to = end;
    }
    return 1; /* the first one is the program itself */
}

__attribute__((constructor)) static void
trouble_begin(void)
{
    const char *text = getenv("WAYBILL_TROUBLE_AT");

    (void)snprintf(at, sizeof(at), "%s", text == NULL ? "" : text);
    text = getenv("WAYBILL_TROUBLE_LIST");
    (void)snprintf(list_path, sizeof(list_path), "%s", text == NULL ? "" : text);
    if (strncmp(at, "memory ", 7) == 0)
        /* banned: strtoull, because a preloaded library links nothing of ours */
        memory_at = strtoull(at + 7, NULL, 16);
    if (memory_at != 0 || list_path[0] != '\0')
        (void)dl_iterate_phdr(trouble_program, NULL);
}

/* True the first time. */
static int
trouble_is_new(uint64_t id)
{
    for (size_t i = id % SEEN_MAX; seen_count < SEEN_MAX - 1; i = (i + 1) % SEEN_MAX) {
        if (seen[i] == id)
            return 0;
        if (seen[i] == 0) {
            seen[i] = id;
            seen_count++;
            return 1;
        }
    }
    return 0;
}

static void
trouble_list(const char *kind, const char *name)
{
    char line[200];
    int bytes = snprintf(line, sizeof(line), "%s %s\n", kind, name);
    int fd = open(list_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    if (fd < 0)
        return;
    (void)!write(fd, line, (size_t)bytes);
    (void)close(fd);
}

/* --- statements --- */

static uint64_t
trouble_hash(uint64_t hash, uint64_t more)
{
    return (hash ^ more) * UINT64_C(1099511628211);
}

/* What is to become of it: 0 nothing, 1 refused, 2 lost. */
static int
trouble_with(const char *text)
{
    char name[100];
    uint64_t id = UINT64_C(14695981039346656037);
    size_t n = 0;

    for (; *text != '\0' && n < 60; text++) {
        int is_space = *text == ' ' || *text == '\n';

        if (is_space && (n == 0 || name[n - 1] == ' '))
            continue;
        name[n++] = is_space ? ' ' : *text;
        id = trouble_hash(id, (unsigned char)*text);
    }
    name[n] = '\0';
    if (list_path[0] != '\0' && trouble_is_new(id)) {
        trouble_list("refused", name);
        trouble_list("lost", name);
    }
    if (is_over)
        return 0;
    if (strncmp(at, "refused ", 8) == 0 && strcmp(at + 8, name) == 0)
        return is_over = 1;
    if (strncmp(at, "lost ", 5) == 0 && strcmp(at + 5, name) == 0)
        return is_over = 2;
    return 0;
}

/* The next one of that name. */
static void *
trouble_next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

typedef int send_params_fn(PGconn *conn, const char *sql, int count, const Oid *types,
                           const char *const *values, const int *lengths, const int *formats,
                           int format);
typedef int send_prepared_fn(PGconn *conn, const char *name, int count, const char *const *values,
                             const int *lengths, const int *formats, int format);
typedef int send_prepare_fn(PGconn *conn, const char *name, const char *sql, int count,
                            const Oid *types);
typedef int send_query_fn(PGconn *conn, const char *sql);

/* True when the statement is not to be sent any more. */
static int
trouble_instead(PGconn *conn, int what)
{
    static send_params_fn *send;

    if (what == 2)
        (void)shutdown(PQsocket(conn), SHUT_RDWR);
    if (what != 1)
        return 0;
    if (send == NULL)
        send = (send_params_fn *)(uintptr_t)trouble_next("PQsendQueryParams");
    (void)send(conn, "do $$begin raise exception 'made-up trouble' using errcode = 'XX000'; end$$",
               0, NULL, NULL, NULL, NULL, 0);
    return 1;
}

int
PQsendQueryParams(PGconn *conn, const char *sql, int count, const Oid *types,
                  const char *const *values, const int *lengths, const int *formats, int format)
{
    static send_params_fn *send;

    if (send == NULL)
        send = (send_params_fn *)(uintptr_t)trouble_next("PQsendQueryParams");
    if (trouble_instead(conn, trouble_with(sql)))
        return 1;
    return send(conn, sql, count, types, values, lengths, formats, format);
}

int
PQsendQueryPrepared(PGconn *conn, const char *name, int count, const char *const *values,
                    const int *lengths, const int *formats, int format)
{
    static send_prepared_fn *send;

    if (send == NULL)
        send = (send_prepared_fn *)(uintptr_t)trouble_next("PQsendQueryPrepared");
    if (trouble_instead(conn, trouble_with(name)))
        return 1;
    return send(conn, name, count, values, lengths, formats, format);
}

int
PQsendPrepare(PGconn *conn, const char *name, const char *sql, int count, const Oid *types)
{
    static send_prepare_fn *send;

    if (send == NULL)
        send = (send_prepare_fn *)(uintptr_t)trouble_next("PQsendPrepare");
    return send(conn, name, sql, count, types);
}

int
PQsendQuery(PGconn *conn, const char *sql)
{
    static send_query_fn *send;

    if (send == NULL)
        send = (send_query_fn *)(uintptr_t)trouble_next("PQsendQuery");
    if (trouble_instead(conn, trouble_with(sql)))
        return 1;
    return send(conn, sql);
}

/* --- allocations --- */

struct way {
    uint64_t id;
    int frames, own;
};

static _Unwind_Reason_Code
trouble_step(struct _Unwind_Context *context, void *ctx)
{
    struct way *way = ctx;
    uintptr_t from = _Unwind_GetIP(context);

    way->frames++;
    if (from >= program_from && from < program_to) {
        way->id = trouble_hash(way->id, from - program_from);
        way->own++;
    } else if (way->frames > 3 && way->own == 0) {
        return _URC_END_OF_STACK; /* asked for by a library */
    }
    return way->own < FRAMES_MAX ? _URC_NO_REASON : _URC_END_OF_STACK;
}

/* What a compiler adds to the end of the program, to count lines, isn't the program. */
static void
trouble_end(void)
{
    is_ending = 1;
}

/* Whether this one fails; `caller` asked for it. */
static int
trouble_fails(const void *caller)
{
    struct way way = {.id = UINT64_C(14695981039346656037)};
    uintptr_t from = (uintptr_t)caller;
    char id[32];

    if (program_to == 0 || is_looking || is_ending || from < program_from || from >= program_to)
        return 0;
    is_looking = 1;
    if (!has_begun)
        has_begun = atexit(trouble_end) == 0;
    (void)_Unwind_Backtrace(trouble_step, &way);
    is_looking = 0;
    if (list_path[0] != '\0' && trouble_is_new(way.id)) {
        (void)snprintf(id, sizeof(id), "%llx", (unsigned long long)way.id);
        trouble_list("memory", id);
    }
    if (is_over || memory_at == 0 || way.id != memory_at)
        return 0;
    is_over = 1;
    errno = ENOMEM;
    return 1;
}

void *
malloc(size_t bytes)
{
    return trouble_fails(__builtin_return_address(0)) ? NULL : __libc_malloc(bytes);
}

void *
calloc(size_t count, size_t bytes)
{
    return trouble_fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, bytes);
}

void *
realloc(void *old, size_t bytes)
{
    return trouble_fails(__builtin_return_address(0)) ? NULL : __libc_realloc(old, bytes);
}

static char *
trouble_copy(const char *text, size_t bytes)
{
    char *copy = __libc_malloc(bytes + 1);

    if (copy != NULL) {
        memcpy(copy, text, bytes);
        copy[bytes] = '\0';
    }
    return copy;
}

char *
strdup(const char *text)
{
    return trouble_fails(__builtin_return_address(0)) ? NULL : trouble_copy(text, strlen(text));
}

char *
strndup(const char *text, size_t bytes)
{
    return trouble_fails(__builtin_return_address(0)) ? NULL
                                                      : trouble_copy(text, strnlen(text, bytes));
}
