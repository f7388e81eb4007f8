#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/listing.h"

/* A page as the provider would have read it. */
struct page {
    struct provider_fulfillments list;
    struct provider_answer how;
};

static void
page_open(struct page *page, bool has_more)
{
    memset(page, 0, sizeof(*page));
    page->how.read = PROVIDER_READ_OK;
    page->list.has_more = has_more;
    page->list.list = calloc(8, sizeof(*page->list.list));
    ck_assert_ptr_nonnull(page->list.list);
}

static void
page_add(struct page *page, const char *id, const char *order_id, const char *marker)
{
    struct provider_fulfillment *f = &page->list.list[page->list.count++];

    (void)snprintf(f->fulfillment_id, sizeof(f->fulfillment_id), "%s", id);
    (void)snprintf(f->order_id, sizeof(f->order_id), "%s", order_id);
    f->has_metadata = marker != NULL;
    if (marker != NULL)
        (void)snprintf(f->marker, sizeof(f->marker), "%s", marker);
    f->items = calloc(1, sizeof(*f->items));
    ck_assert_ptr_nonnull(f->items);
    f->items_count = 1;
    (void)snprintf(f->items[0].item_id, sizeof(f->items[0].item_id), "i1");
    f->items[0].shipped = 2;
}

static enum listing_step
page_take(struct listing *listing, struct page *page)
{
    enum listing_step step = listing_take(listing, &page->list, &page->how);

    provider_fulfillments_free(&page->list);
    return step;
}

static struct listing *listing;

static void
setup(void)
{
    struct error err = {0};

    listing = NULL;
    ck_assert(listing_new("o1", &listing, &err));
}

static void
teardown(void)
{
    listing_free(listing);
}

START_TEST(one_page_is_complete)
{
    struct page page;
    struct error err = {0};
    char *json;

    page_open(&page, false);
    page_add(&page, "f1", "o1", "m1");
    ck_assert_int_eq(page_take(listing, &page), LISTING_COMPLETE);
    ck_assert_int_eq(listing_count_marker(listing, "M1"), 1);
    ck_assert_int_eq(listing_count_marker(listing, "m2"), 0);
    json = listing_json(listing, &err);
    ck_assert_str_eq(
        json, "[{\"id\":\"f1\",\"marker\":\"m1\",\"instance\":\"\",\"created\":\"\",\"items\":"
              "[{\"item\":\"i1\",\"shipped\":2,\"cancelled\":0}]}]");
    free(json);
}
END_TEST

START_TEST(an_empty_list_is_complete)
{
    struct page page;

    page_open(&page, false);
    ck_assert_int_eq(page_take(listing, &page), LISTING_COMPLETE);
}
END_TEST

START_TEST(several_pages_end_with_the_first_again_and_what_landed_there_counts)
{
    struct page page;

    page_open(&page, true);
    page_add(&page, "f2", "o1", "m2");
    ck_assert_int_eq(page_take(listing, &page), LISTING_GOES_ON);
    page_open(&page, false);
    page_add(&page, "f1", "o1", "m1");
    ck_assert_int_eq(page_take(listing, &page), LISTING_GOES_ON);
    page_open(&page, true);
    page_add(&page, "f3", "o1", "late");
    page_add(&page, "f2", "o1", "m2");
    ck_assert_int_eq(page_take(listing, &page), LISTING_COMPLETE);
    ck_assert_int_eq(listing_count_marker(listing, "late"), 1);
    ck_assert_int_eq(listing_count_marker(listing, "m2"), 1);
}
END_TEST

START_TEST(one_that_shows_no_metadata_is_fetched_by_id)
{
    struct page page;

    page_open(&page, false);
    page_add(&page, "f1", "o1", NULL);
    page_add(&page, "f2", "o1", "m2");
    ck_assert_int_eq(page_take(listing, &page), LISTING_GOES_ON);
    ck_assert(listing_is_by_id(listing));
    page_open(&page, false);
    page_add(&page, "f1", "o1", "m1");
    ck_assert_int_eq(page_take(listing, &page), LISTING_COMPLETE);
    ck_assert_int_eq(listing_count_marker(listing, "m1"), 1);
}
END_TEST

START_TEST(another_fulfillment_than_asked_for_is_unreadable)
{
    struct page page;

    page_open(&page, false);
    page_add(&page, "f1", "o1", NULL);
    ck_assert_int_eq(page_take(listing, &page), LISTING_GOES_ON);
    page_open(&page, false);
    page_add(&page, "f9", "o1", "m1");
    ck_assert_int_eq(page_take(listing, &page), LISTING_UNREADABLE);
    ck_assert_str_eq(listing_why(listing), "another fulfillment came back than was asked for");
}
END_TEST

START_TEST(a_fulfillment_of_another_order_makes_the_list_unreadable)
{
    struct page page;

    page_open(&page, false);
    page_add(&page, "f1", "o2", "m1");
    ck_assert_int_eq(page_take(listing, &page), LISTING_UNREADABLE);
    ck_assert_str_eq(listing_why(listing), "the list holds a fulfillment of another order");
}
END_TEST

START_TEST(an_empty_page_that_promises_more_is_unreadable)
{
    struct page page;

    page_open(&page, true);
    ck_assert_int_eq(page_take(listing, &page), LISTING_UNREADABLE);
    ck_assert_str_eq(listing_why(listing), "an empty page says that there is more");
}
END_TEST

START_TEST(a_failed_page_is_unreadable_and_never_empty)
{
    struct page page;

    page_open(&page, false);
    page.how.read = PROVIDER_READ_LATER;
    (void)snprintf(page.how.error, sizeof(page.how.error), "HTTP 503");
    ck_assert_int_eq(page_take(listing, &page), LISTING_UNREADABLE);
    ck_assert_str_eq(listing_why(listing), "HTTP 503");
}
END_TEST

START_TEST(pages_without_end_are_unreadable)
{
    enum listing_step step = LISTING_GOES_ON;
    int pages = 0;

    for (; step == LISTING_GOES_ON && pages < 1000; pages++) {
        struct page page;
        char id[32];

        (void)snprintf(id, sizeof(id), "f%d", pages);
        page_open(&page, true);
        page_add(&page, id, "o1", "m");
        step = page_take(listing, &page);
    }
    ck_assert_int_eq(step, LISTING_UNREADABLE);
    ck_assert_int_le(pages, 100);
    ck_assert_str_eq(listing_why(listing), "more pages than can be believed");
}
END_TEST

START_TEST(a_list_of_the_other_mode_is_noticed)
{
    struct page page;

    page_open(&page, false);
    page_add(&page, "f1", "o1", "m1");
    page.list.list[0].has_live_mode = true;
    page.list.list[0].live_mode = true;
    ck_assert_int_eq(page_take(listing, &page), LISTING_COMPLETE);
    ck_assert(listing_is_live_wrong(listing, false));
    ck_assert(!listing_is_live_wrong(listing, true));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("listing");
    TCase *tests = tcase_create("listing");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, one_page_is_complete);
    tcase_add_test(tests, an_empty_list_is_complete);
    tcase_add_test(tests, several_pages_end_with_the_first_again_and_what_landed_there_counts);
    tcase_add_test(tests, one_that_shows_no_metadata_is_fetched_by_id);
    tcase_add_test(tests, another_fulfillment_than_asked_for_is_unreadable);
    tcase_add_test(tests, a_fulfillment_of_another_order_makes_the_list_unreadable);
    tcase_add_test(tests, an_empty_page_that_promises_more_is_unreadable);
    tcase_add_test(tests, a_failed_page_is_unreadable_and_never_empty);
    tcase_add_test(tests, pages_without_end_are_unreadable);
    tcase_add_test(tests, a_list_of_the_other_mode_is_noticed);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
