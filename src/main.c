#include "base/file.h"
#include "base/secret.h"
#include "cli/cli.h"

int
main(int argc, char **argv)
{
    if (!file_guard_standard())
        return 3; /* as for any file that can't be had; there may be nowhere to say it */
    secret_guard_process();
    return cli_main(argc, (const char *const *)argv);
}
