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
    return (enum exit_code)error_exit_code(err);
}
