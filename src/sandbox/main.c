/* waybill-sandbox: a stand-in for the API to rehearse with. */
#include <stdlib.h>

#include "base/file.h"
#include "sandbox/server.h"

int
main(int argc, char **argv)
{
    if (!file_guard_standard())
        return EXIT_FAILURE; /* there may be nowhere to say it */
    return sandbox_main(argc, argv);
}
