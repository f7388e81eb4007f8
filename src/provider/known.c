#include <stddef.h>

#include "provider/methods.h"

const struct provider_methods *const PROVIDER_KNOWN[] = {&DIGITALRIVER_METHODS, NULL};
