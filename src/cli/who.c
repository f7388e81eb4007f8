#include "cli/who.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "base/text.h"

void
who_read(char *out, size_t out_bytes)
{
    const struct passwd *user = getpwuid(getuid());

    if (user != NULL && user->pw_name != NULL && user->pw_name[0] != '\0')
        text_copy_clean(out, out_bytes, user->pw_name);
    else
        (void)snprintf(out, out_bytes, "uid %u", (unsigned)getuid());
}
