/* waybill-sandbox: a stand-in for the API to rehearse with. */
#include "sandbox/server.h"

int
main(int argc, char **argv)
{
    return sandbox_main(argc, argv);
}
