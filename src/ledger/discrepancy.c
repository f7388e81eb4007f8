#include "ledger/discrepancy.h"

const char *const DISCREPANCY_KINDS[DISCREPANCY_KINDS_COUNT] = {
    "over_quantity", "decreased",        "bad_row",        "unreadable",
    "unknown_item",  "ordered_mismatch", "guard",          "vanished",
    "unknown_order", "order_blocked",    "order_returned", "rejected",
    "foreign",       "ambiguous",        "double",         "missing",
    "extra",         "payment",          "attempts",       "hand_over",
    "feed_broken",   "warehouse_shrank", "ledger",         "moved",
};
