/* In place of the product's own lists: the linker takes these first. */
#include <stddef.h>

#include "config/keys.h"
#include "seam/parcelpost.h"

const struct provider_methods *const PROVIDER_KNOWN[] = {&PARCELPOST_METHODS, NULL};

const char CONFIG_PROVIDERS[] = "digitalriver|parcelpost";
