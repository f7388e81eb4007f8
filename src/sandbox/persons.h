/*
 * persons — made-up customers for the personal fields of orders, so that a test can
 * prove that nobody keeps them. The same order always has the same customer.
 */
#ifndef SANDBOX_PERSONS_H
#define SANDBOX_PERSONS_H

#include <stdint.h>

#include "json/json.h"

struct person {
    char first_name[24];
    char last_name[24];
    char email[80];
    char phone[24];
    char line1[48];
    char city[24];
    char postal_code[12];
    char ip[20];
    char tax_id[24];
    char last_four[8];
};

void persons_make(uint64_t random, struct person *out);
void persons_write_address(struct json_writer *w, const char *key, const struct person *person);

#endif
