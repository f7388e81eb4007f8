#include "config/keys.h"

const char CONFIG_PROVIDERS[] = "digitalriver";
