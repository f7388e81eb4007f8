#include "base/secret.h"
#include "cli/cli.h"

int
main(int argc, char **argv)
{
    secret_guard_process();
    return cli_main(argc, (const char *const *)argv);
}
