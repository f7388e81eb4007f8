#include "support/story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char url[SUPPORT_URL_MAX];
static const struct story *told;

struct word {
    const char *word;
    const char *sql;
    bool is_question; /* the text is what it must answer */
    bool is_look;     /* and is done twice */
};

static const struct word words[] = {
    {"plan", "select t.plan($1)", false, true},
    {"look", "select t.look()", false, true},
    {"claim", "select t.claim(100)", false, false},
    {"passes", "select t.time_passes()", false, false},
    {"attempts_over", "select t.all('attempts', '')", false, false},
    {"split", "select t.all('split', $1)", false, false},
    {"accept_order",
     "select t.one(submission_id, 'accept', '') from submissions where state = 'sending' and"
     " order_id = $1",
     false, false},
    {"late_accept",
     "select t.answer(min(submission_id), 'accepted', '{\"fulfillment_id\": \"late\"}') from"
     " submissions",
     false, false},
    {"hold",
     "update submissions set state = 'held', held_by = 'operator', next_attempt_at = null where"
     " state = 'planned'",
     false, false},
    {"dismiss",
     "update discrepancies set closed_at = now(), closed_by = 'operator', is_dismissed = true"
     " where closed_at is null",
     false, false},
    {"track", "select t.track()", false, false},
    {"tracked", "select t.tracked($1)", false, false},
    {"settings", "select t.settings($1)", false, false},
    {"api", "select t.api($1)", false, false},
    {"list", "select t.list($1)", false, false},
    {"sql", NULL, false, false},
    {"so", "select t.so($1)", false, false},
    {"forbidden", "select t.forbidden($1)", false, false},
    {"open", "select t.open()", true, false},
    {"posted", "select t.posted()", true, false},
    {"issues", "select t.issues()", true, false},
    {"notes", "select t.notes()", true, false},
    {"detail", "select t.detail()", true, false},
    {"states", "select t.states()", true, false},
    {"attempts", "select t.attempts()", true, false},
    {"waits", "select t.waits()", true, false},
    {"adjustments", "select t.adjustments()", true, false},
    {"asks", "select t.asks()", true, false},
    {"queued", "select t.queued()", true, false},
    {"opened", "select t.opened()", true, false},
};

/* The words not listed are answers of the API, by their names in t.one(). */
static struct word
find_word(const char *name)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i].word, name) == 0)
            return words[i];
    }
    return (struct word){name, "select t.all($1, '')", false, false};
}

/* A second look at the same warehouse writes no version of any row. */
static void
look_again(struct pg *pg, const char *place)
{
    char *before = support_ledger_ask(pg, place, "select t.versions()", NULL, NULL, NULL);
    char *again = support_ledger_ask(pg, place, "select t.look()", NULL, NULL, NULL);
    char *after = support_ledger_ask(pg, place, "select t.versions()", NULL, NULL, NULL);

    ck_assert_msg(strcmp(before, after) == 0, "%s: a second look wrote something (%s)", place,
                  again);
    free(before);
    free(again);
    free(after);
}

static void
take_step(struct pg *pg, const struct story *story, int n)
{
    const struct step *step = &story->steps[n];
    struct word word = find_word(step->word);
    bool is_answer = word.sql != NULL && strcmp(word.sql, "select t.all($1, '')") == 0;
    const char *argument = is_answer                                            ? step->word
                           : word.sql != NULL && strstr(word.sql, "$1") != NULL ? step->text
                                                                                : NULL;
    char place[512];
    char *answer;

    (void)snprintf(place, sizeof(place), "\"%s\", step %d (%s %s)", story->name, n + 1, step->word,
                   step->text == NULL ? "" : step->text);
    answer = support_ledger_ask(pg, place, word.sql == NULL ? step->text : word.sql, argument, NULL,
                                NULL);
    if (word.is_question)
        ck_assert_msg(strcmp(answer, step->text) == 0, "%s: it is \"%s\"", place, answer);
    free(answer);
    if (word.is_look)
        look_again(pg, place);
    support_ledger_expect_sound(pg, place, NULL);
}

static void
setup(void)
{
    support_ledger_create(url);
}

static void
teardown(void)
{
    support_database_drop(url);
}

START_TEST(it_comes_as_the_story_says)
{
    const struct story *story = &told[_i];
    struct pg *pg = support_ledger_open(url);

    support_ledger_do(pg, story->name, "begin");
    for (int n = 0; n < STORY_STEPS_MAX && story->steps[n].word != NULL; n++)
        take_step(pg, story, n);
    support_ledger_do(pg, story->name, "rollback");
    pg_close(pg);
}
END_TEST

int
support_tell(const char *suite_name, const struct story *stories, int count)
{
    Suite *suite = suite_create(suite_name);
    TCase *tcase = support_case(suite, "stories", 60);

    support_need_database();
    told = stories;
    tcase_add_unchecked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, it_comes_as_the_story_says, 0, count);
    return support_run_suite(suite);
}
