#!/bin/sh
# Takes one protection away at a time, and sees the named test turn red.
#     sh tests/fault/breaks.sh [PATTERN]
# PATTERN (grep -E): only protections of such a name. In a copy of the tree, with a private PostgreSQL;
# about half an hour. BREAKS.md has what it said.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
only=${1:-}
dir=$(mktemp -d "${TMPDIR:-/tmp}/waybill-breaks.XXXXXX")
chmod 755 "$dir"
cleanup() {
    trap '' INT TERM HUP
    sh "$top/tests/support/server.sh" stop "$dir/pg" > /dev/null 2>&1 || true
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# name | files | sed's commands | test program | case of it ("": all)
breaks() {
    cat << 'END'
libcurl may send again|src/http/slot.c|s/return CURL_SEEKFUNC_FAIL;/((struct slot *)ctx)->body_given = 0; return CURL_SEEKFUNC_OK;/; s/^    (void)ctx;$/    (void)0;/|unit_http_test_once|
no send deadline in the callback|src/http/slot.c|s/if (slot->has_deadline \&\& clock_boot_is_past(slot->deadline))/if (slot->has_deadline \&\& slot->deadline.ms < 0)/|fault_test_bridge|a_claim_whose_answer_comes_too_late_is_not_sent
the kernel keeps what was given up|src/http/slot.c|s/purpose == CURLSOCKTYPE_IPCXN/purpose != CURLSOCKTYPE_IPCXN/|fault_test_hosts|cut_off_an_hour_wrong_and_far_away_three_hosts_lose_and_double_nothing
doubt is no look|sql/functions/settle.sql|s/x.outcome in ('absent', 'unexplained')/x.outcome = 'absent'/|integration_test_decisions|
no settle clock|sql/functions/claims.sql|s/p.settle_after <= t, p.unknown_then/true, p.unknown_then/|fault_test_api|what_is_applied_late_but_within_the_settle_time_is_applied_once
one look is enough|src/sync/verdict.c|s/look->negative_looks >= VERDICT_LOOKS_MIN/look->negative_looks >= 1/|unit_sync_test_verdict|
unknown is taken for not sent|src/sync/verdict.c|/^{POST(UNKNOWN)/s/TO(UNKNOWN),  REPLAN/TO(PLANNED),  NONE/|fault_test_api|every_kind_of_fault_in_a_row_loses_and_doubles_nothing
a conflict is believed at once|src/sync/verdict.c|/^{POST(TAKEN)/s/TO(UNKNOWN),  REJECT/TO(REJECTED), NONE/|fault_test_api|a_conflict_with_our_own_hidden_fulfillment_ends_as_accepted
no marker evidence|src/sync/listing.c|s/found += strcasecmp(listing->all\[i\].marker, marker) == 0;/found += marker == NULL;/|unit_sync_test_listing|
lists without metadata are believed|src/sync/listing.c|s/if (!listing->all\[i\].has_metadata)/if (listing->count < 0)/|fault_test_api|lists_without_metadata_are_asked_for_one_by_one
page 1 is not read again|src/sync/listing.c|s/listing->phase = PHASE_FIRST_AGAIN;/return listing_seek_by_id(listing, 0);/|unit_sync_test_listing|
a failed page is an empty one|src/sync/listing.c|s/if (how->read != PROVIDER_READ_OK)/if (how->read == PROVIDER_READ_KEY)/|unit_sync_test_listing|
a commit that is not durable|src/pg/session.c|s/"synchronous_commit", "on"/"synchronous_commit", "off"/; s/return error_set(err, ERROR_CONFIG, "the session can't be given synchronous_commit = on");/(void)0;/; s/then 'on'/then 'off'/|fault_test_database|an_intent_survives_a_crash_that_comes_with_its_post
no law 4|sql/functions/laws.sql|s/^    having count(\*) > 1$/    having count(*) > 9/|integration_test_laws|
what is open is taken back|sql/functions/laws.sql|s/(u.posted_shipped < 0 or u.posted_cancelled < 0)/false/|integration_test_laws|
a submission needs no lane|sql/functions/laws.sql|s/^     where l.order_id is null$/     where false/|integration_test_laws|
an item needs no submission|sql/functions/laws.sql|s/filter (where s.order_id is null or r.order_id is null)/filter (where false)/|integration_test_laws|
law 4 is looked at without the lane|sql/functions/laws.sql|/^create or replace function one_post_at_a_time/,/^end/s/^    perform 1 from lanes.*$//|integration_test_planners|
a claim is not kept|sql/functions/claims.sql|s/chosen where chosen <> '{}';/chosen where false;/|fault_test_bridge|killed_at_each_step_of_a_submission_it_loses_and_doubles_nothing
a lane is not looked at|sql/functions/claims.sql|s/where l.active_submission is null and l.next_at < 'infinity'/where l.next_at < 'infinity'/; s/^ *for no key update skip locked);/);/|fault_test_bridge|two_runs_at_once_of_which_one_is_killed_again_and_again
no first look after a failover|sql/functions/claims.sql|s/and (me.generation = 1 .*/and (true/|fault_test_failover|an_asynchronous_failover_that_loses_the_last_commits
what was taken back is sent again after a refusal|sql/functions/settle.sql|s/from withdraw_unwanted(orders, false) k;/from unnest('{}'::text[]) k;/|integration_test_histories|
what was not found is sent though no one wants it|sql/functions/claims.sql|s/^    if has_doubtful then/    if false then/|integration_test_reconcile|
a late look is believed|sql/functions/settle.sql|s/and s.tries = coalesce(x.tries, s.tries)/and true/|fault_test_bridge|a_look_that_is_recorded_too_late_says_nothing_about_a_later_post
no claim token|sql/functions/settle.sql|s/ and s.claim_token = x.claim_token//|fault_test_bridge|a_claim_that_is_given_back_too_late_gives_nothing_back
two planners at once|sql/functions/planner.sql|s/select pg_try_advisory_xact_lock(1463898946.*$/select true $$;/|integration_test_planners|
a stop waits for nothing|src/sync/loop.c|s/loop->options->grace_ms);$/0);/|fault_test_bridge|asked_to_stop_under_load_it_leaves_nothing_unknown
a broken feed is not swept|sql/functions/feed.sql|s/'feed_broken', '', '', relation/'guard', '', '', relation/|fault_test_warehouse|what_happens_while_triggers_are_off_is_swept
Retry-After without a limit|src/provider/retry_after.c sql/functions/modes.sql|s/600 \* 1000/600000 * 1000/; s/600000)/600000000)/|fault_test_api|an_absurd_retry_after_is_obeyed_for_ten_minutes_at_most
the other mode does not stop|src/sync/verdict.c|/"accepted, but in the other mode"/s/COUNTS . STOP_LEDGER/COUNTS/|fault_test_api|an_answer_of_the_other_mode_pauses_and_loses_nothing
a list that lacks something is believed|sql/functions/settle.sql|s/^    lacking_detail := lacking_in(of_order, listing);/    lacking_detail := null;/|fault_test_api|a_list_that_lacks_what_was_accepted_is_not_believed
what shows on two pages counts twice|src/sync/listing.c|s/if (listing_find(listing, from->fulfillment_id) != NULL)/if (listing->count < 0)/|unit_sync_test_listing|
the circuit never opens|src/sync/circuit.c|s/if (++circuit->failures >= CIRCUIT_FAILURES_MAX) {/if (++circuit->failures < 0) {/|fault_test_api|an_api_that_only_fails_gets_single_probes_and_then_more_and_more
a cancelled wait is a commit|src/pg/pg.c|s/pg->warned_not_durable = true;/pg->warned_not_durable = false;/|fault_test_failover|a_claim_whose_wait_for_the_standby_was_cancelled_is_not_sent
a clock that is set is believed|sql/functions/modes.sql|s/and w.seen_at + (passed_ms/and false and w.seen_at + (passed_ms/|fault_test_clock|a_servers_clock_that_is_set_ahead_does_not_shorten_the_settle_time
old plans are sent first|src/sync/loop_db.c|s/clock_mono_left_ms(loop->plan_by) > 0)/clock_mono_left_ms(loop->plan_by) < 0)/|fault_test_warehouse|units_that_go_down_before_and_after_posting
leaves are not looked at|sql/functions/feed.sql|s/and not i.inhdetachpending/and false/|fault_test_warehouse|a_partition_that_is_attached_during_a_run_is_seen_although_nothing_feeds_it
an apply worker is not looked at|sql/functions/feed.sql|s/where s.srrelid = leaf)/where false)/; s/where s.srrelid = leaf.id)/where false)/|fault_test_warehouse|rows_that_arrive_by_logical_replication_are_fed
a session's settings are the server's|src/pg/session.c|/{"idle_session_timeout", "0"},/d|fault_test_database|settings_of_the_database_and_the_role_change_nothing
the numbers are written in place|src/base/file.c|s/ok = ok \&\& rename(/ok = rename(/|fault_test_bridge|a_full_disk_costs_the_numbers_and_nothing_else
END
}

mkdir "$dir/tree" "$dir/tmp"
cp -r "$top/CMakeLists.txt" "$top/conf" "$top/sql" "$top/src" "$top/tests" "$dir/tree"
cp -r "$dir/tree" "$dir/good"
cmake -S "$dir/tree" -B "$dir/build" > "$dir/build.log" 2>&1
# what the linker makes of each break, not its style
sed -i 's/-Werror//' "$dir/tree/CMakeLists.txt" "$dir/good/CMakeLists.txt"
WAYBILL_TEST_DB=$(sh "$top/tests/support/server.sh" start "$dir/pg")
TMPDIR=$dir/tmp
export WAYBILL_TEST_DB TMPDIR

build() {
    cmake --build "$dir/build" -j 2 --target waybill waybill-sandbox "$1" > "$dir/build.log" 2>&1
}

green=0
printf '| protection taken away | test | it |\n|---|---|---|\n'
breaks > "$dir/breaks"
while IFS='|' read -r name files edit target case; do
    printf '%s\n' "$name" | grep -qE -e "$only" || continue
    applies=yes
    for file in $files; do
        sed -i "$edit" "$dir/tree/$file"
        ! cmp -s "$dir/tree/$file" "$dir/good/$file" || applies=no
    done
    if [ "$applies" = no ]; then
        said="**the break does not apply any more**"
        green=$((green + 1))
    elif ! build "$target"; then
        said="**does not build**"
        green=$((green + 1))
        tail -n 5 "$dir/build.log" >&2
    elif (
        cd "$dir/build"
        [ -z "$case" ] || export CK_RUN_CASE="$case"
        exec "tests/$target"
    ) > "$dir/test.log" 2>&1 < /dev/null; then
        said="**stays green**"
        green=$((green + 1))
    else
        said="turns red: $(sed -n '/:[FE]:/{s/^[^:]*:[0-9]*:[FE]:[^:]*:\([^:]*\):[0-9]*: /\1: /p;q}' "$dir/test.log" |
            tr '|' '/' | cut -c 1-160)"
    fi
    printf '| %s | %s%s | %s |\n' "$name" "$target" "${case:+, $case}" "$said"
    for file in $files; do
        cp "$dir/good/$file" "$dir/tree/$file"
    done
done < "$dir/breaks"
[ "$green" = 0 ]
