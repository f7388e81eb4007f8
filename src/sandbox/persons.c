#include "sandbox/persons.h"

#include <stdio.h>

static const char *const first_names[] = {"Ada",  "Grace",  "Alan",  "Edsger",
                                          "Mary", "Dennis", "Radia", "Zoë"};
static const char *const last_names[] = {"Lovelace", "Hopper",  "Turing",  "Dijkstra",
                                         "Shelley",  "Ritchie", "Perlman", "O'Hara"};
static const char *const cities[] = {"Minnetonka", "Köln",    "Shannon", "Taipei",
                                     "Krakow",     "Bristol", "Orléans", "Osaka"};

void
persons_make(uint64_t random, struct person *out)
{
    unsigned a = (unsigned)(random & 7);
    unsigned b = (unsigned)((random >> 3) & 7);
    unsigned c = (unsigned)((random >> 6) & 7);
    unsigned n = (unsigned)((random >> 9) & 0xffff);

    (void)snprintf(out->first_name, sizeof(out->first_name), "%s", first_names[a]);
    (void)snprintf(out->last_name, sizeof(out->last_name), "%s", last_names[b]);
    (void)snprintf(out->email, sizeof(out->email), "customer.%u@shopper.example", n);
    (void)snprintf(out->phone, sizeof(out->phone), "+1-952-555-%04u", n % 10000);
    (void)snprintf(out->line1, sizeof(out->line1), "%u Bren Road West", n % 9000 + 1);
    (void)snprintf(out->city, sizeof(out->city), "%s", cities[c]);
    (void)snprintf(out->postal_code, sizeof(out->postal_code), "%05u", n);
    (void)snprintf(out->ip, sizeof(out->ip), "203.0.113.%u", n % 254 + 1);
    (void)snprintf(out->tax_id, sizeof(out->tax_id), "DE%09u", n * 7919u % 1000000000u);
    (void)snprintf(out->last_four, sizeof(out->last_four), "%04u", n % 10000);
}

void
persons_write_address(struct json_writer *w, const char *key, const struct person *person)
{
    char name[64];

    (void)snprintf(name, sizeof(name), "%s %s", person->first_name, person->last_name);
    json_write_object(w, key);
    json_write_object(w, "address");
    json_write_text(w, "line1", person->line1);
    json_write_text(w, "city", person->city);
    json_write_text(w, "postalCode", person->postal_code);
    json_write_text(w, "state", "MN");
    json_write_text(w, "country", "US");
    json_write_end_object(w);
    json_write_text(w, "name", name);
    json_write_text(w, "phone", person->phone);
    json_write_text(w, "email", person->email);
    json_write_end_object(w);
}
