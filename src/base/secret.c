#include "base/secret.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECRET_BYTES_MAX = 4096 };

/* A mapping of its own, because only whole pages can be kept out of a core dump. */
struct secret {
    char text[SECRET_BYTES_MAX + 1];
};

static bool
secret_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* what names the source; the bytes themselves are in no message, not even one of them. */
static bool
secret_make(const char *bytes, size_t count, const char *what, struct secret **out,
            struct error *err)
{
    struct secret *secret;

    assert(*out == NULL);

    while (count > 0 && secret_is_space(bytes[0])) {
        bytes++;
        count--;
    }
    while (count > 0 && secret_is_space(bytes[count - 1]))
        count--;
    if (count == 0)
        return error_set(err, ERROR_CONFIG, "%s is empty", what);
    if (count > SECRET_BYTES_MAX)
        return error_set(err, ERROR_LIMIT, "%s is longer than %d bytes", what, SECRET_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] < 0x20 || bytes[i] > 0x7e)
            return error_set(err, ERROR_CONFIG,
                             "%s has a control or non-ASCII character at byte %zu", what, i + 1);
    }

    secret =
        mmap(NULL, sizeof(*secret), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (secret == MAP_FAILED)
        return error_set(err, ERROR_NOMEM, "no memory for %s", what);
    (void)madvise(secret, sizeof(*secret), MADV_DONTDUMP); /* best effort */
    memcpy(secret->text, bytes, count);
    secret->text[count] = '\0';
    *out = secret;
    return true;
}

static bool
secret_check_file(int fd, struct error *err)
{
    struct stat info;

    if (fstat(fd, &info) != 0)
        return error_set(err, ERROR_CONFIG, "cannot look at the key file: %s", strerror(errno));
    if (!S_ISREG(info.st_mode))
        return error_set(err, ERROR_CONFIG, "the key file is not a regular file");
    if ((info.st_mode & 0037) != 0) {
        (void)error_set(err, ERROR_CONFIG, "the key file is open to others, its mode is %04o",
                        (unsigned)(info.st_mode & 07777));
        error_hint(err, "chmod 600, or 640 with a group of its own");
        return false;
    }
    return true;
}

bool
secret_from_file(const char *path, struct secret **out, struct error *err)
{
    bool ok = false;
    int fd = -1;
    char text[SECRET_BYTES_MAX + 1];
    size_t used = 0;
    const char *line_end;

    /* Non-blocking, so that a FIFO by that name can't hold us up before we see what it is. */
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        (void)error_set(err, ERROR_CONFIG, "cannot open the key file: %s", strerror(errno));
        goto done;
    }
    if (!secret_check_file(fd, err))
        goto done;
    while (used < sizeof(text)) {
        ssize_t got = read(fd, text + used, sizeof(text) - used);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            (void)error_set(err, ERROR_CONFIG, "cannot read the key file: %s", strerror(errno));
            goto done;
        }
        if (got == 0)
            break;
        used += (size_t)got;
    }
    if (used > SECRET_BYTES_MAX) {
        (void)error_set(err, ERROR_LIMIT, "the key file is larger than %d bytes", SECRET_BYTES_MAX);
        goto done;
    }
    line_end = memchr(text, '\n', used);
    ok = secret_make(text, line_end == NULL ? used : (size_t)(line_end - text),
                     "the first line of the key file", out, err);

done:
    if (!ok)
        error_context(err, "%s", path);
    explicit_bzero(text, sizeof(text));
    if (fd >= 0)
        (void)close(fd);
    return ok;
}

bool
secret_from_env(const char *name, struct secret **out, struct error *err)
{
    const char *text = getenv(name);
    bool ok;

    if (text == NULL)
        ok = error_set(err, ERROR_CONFIG, "the environment variable is not set");
    else
        ok = secret_make(text, strlen(text), "the environment variable", out, err);
    if (!ok)
        error_context(err, "%s", name);
    return ok;
}

bool
secret_from_text(const char *text, struct secret **out, struct error *err)
{
    return secret_make(text, strlen(text), "the key", out, err);
}

void
secret_free(struct secret *secret)
{
    if (secret == NULL)
        return;
    explicit_bzero(secret, sizeof(*secret));
    (void)munmap(secret, sizeof(*secret));
}

void
secret_guard_process(void)
{
    const struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
    /* A core_pattern that pipes to a program ignores the limit; this it obeys. */
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

const char *
secret_reveal(const struct secret *secret)
{
    return secret->text;
}
