#include "cli/command.h"

enum exit_code
exit_code_worse(enum exit_code a, enum exit_code b)
{
    static const int rank[] = {
        [EXIT_CODE_DONE] = 0,     [EXIT_CODE_PERSON] = 1, [EXIT_CODE_API] = 2,
        [EXIT_CODE_DATABASE] = 3, [EXIT_CODE_CONFIG] = 4, [EXIT_CODE_USAGE] = 5,
    };

    return rank[a] >= rank[b] ? a : b;
}

enum exit_code
exit_code_of(const struct error *err)
{
    switch (err->code) {
    case ERROR_NONE:
    case ERROR_CANCELLED: /* asked to stop: what is planned stays planned */
        return EXIT_CODE_DONE;
    case ERROR_USAGE:
        return EXIT_CODE_USAGE;
    case ERROR_CONFIG:
    case ERROR_STATE:
    case ERROR_IO: /* of files that the configuration names, or of the results */
    case ERROR_PARSE:
        return EXIT_CODE_CONFIG;
    case ERROR_DB_LOST:
    case ERROR_DB:
    case ERROR_NOMEM:
    case ERROR_LIMIT:
        return EXIT_CODE_DATABASE;
    case ERROR_API:
    case ERROR_NET:
        return EXIT_CODE_API;
    }
    return EXIT_CODE_DATABASE;
}
