"""idle and changes: what a run costs when nothing, or little, has changed in a large warehouse."""

import re
import signal
import subprocess
import threading
import time

import pgstat
from common import Responder, median, wait_until

SETTINGS = """  requests_per_second: 1000000
  order_gate: false
run:
  max_posts: %d
watch:
  interval_ms: 10
log:
  level: warn
"""
FEED = "  change_feed: %s\n"


def sizes_of(bench):
    """Lines of the warehouse; the last one is the large one."""
    if bench.lines:
        return sorted({100000, bench.lines})
    return [10000, 100000] if bench.is_quick else [100000, 1000000, 10000000]


def words(count):
    return f"{count // 1000000}M" if count >= 1000000 else f"{count // 1000}k"


def config_of(bench, url, name, api_url, feed, posts_max=0):
    """The last section of what config() writes is api, so the feed goes in by hand."""
    path = bench.config(name, url, api_url, SETTINGS % posts_max)
    with open(path) as file:
        text = file.read()
    with open(path, "w") as file:
        file.write(text.replace("api:\n", FEED % feed + "api:\n", 1))
    return path


def watch_turn_ms(bench, url, config, seconds):
    """Database time of one turn of `waybill watch` with nothing to do."""
    def look():
        took = 0
        turns = 0
        for first in ("work_look", "ledger_identify"):  # how a turn begins
            took, calls = pgstat.took(bench, url, f"%-- {first}:%")
            turns += calls
        return took, turns

    pgstat.begin(bench, url)
    process = subprocess.Popen([bench.program("waybill"), "-c", config, "watch", "-q"])
    try:
        # The first turns load what later ones have cached.
        wait_until("watch", lambda: process.poll() is not None or look()[1] >= 5)
        pgstat.begin(bench, url)
        time.sleep(seconds)  # a measurement, not a wait for something
        took, turns = look()
        pgstat.say_top(bench, url, f"a watch turn, {turns} of them")
        if process.poll() is not None or turns == 0:
            raise RuntimeError(f"watch ended with {process.poll()} after {turns} turns")
        return took / turns
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def idle_part(bench):
    sizes = sizes_of(bench)
    runs = 5 if bench.is_quick else 15
    samples = {}
    with Responder(bench) as responder:
        configs = {}
        for lines in sizes:
            url = bench.filled(lines)
            for feed in ("queue", "scan"):
                configs[feed, lines] = (url, config_of(bench, url, f"idle_{feed}_{lines}", responder.url, feed))
                # Once for what only a first run does: a scan's watermark, a sweep, the binding to an API.
                bench.load(url, "update waybill.identity set base_url = null, is_live = null;"
                                "update waybill.feed_state set last_sweep_at = now(), sweep_wanted = null,"
                            " audited_at = now(), audit_row = 0")
                bench.waybill(configs[feed, lines][1], "run", "-q")
        for n in range(bench.rounds):
            bench.note(f"idle: round {n + 1} of {bench.rounds}")
            for _ in range(runs):
                # One after the other, so that whatever the machine does hits all alike.
                taken = bench.measure([bench.program("bench_connect"), bench.server_url])
                samples.setdefault("connect", []).append((taken.wall_s * 1000, taken.cpu_s * 1000))
                for key, (url, config) in configs.items():
                    taken = bench.measure([bench.program("waybill"), "-c", config, "run", "-q"])
                    samples.setdefault(key, []).append((taken.wall_s * 1000, taken.cpu_s * 1000))
                # Once a day the ledger audits itself, 10,000 rows a run: many runs of a large one have a piece of it.
                url, config = configs["queue", sizes[-1]]
                bench.load(url, "update waybill.feed_state set audit_row = 1")
                taken = bench.measure([bench.program("waybill"), "-c", config, "run", "-q"])
                bench.load(url, "update waybill.feed_state set audit_row = 0, audited_at = now()")
                samples.setdefault("audit", []).append((taken.wall_s * 1000, taken.cpu_s * 1000))
            for key, (url, config) in configs.items():
                samples.setdefault(("watch",) + key, []).append(
                    watch_turn_ms(bench, url, config, 1 if bench.is_quick else 3))
    idle_table(bench, sizes, samples)


def idle_table(bench, sizes, samples):
    def figures(key):
        return tuple(median(column) for column in zip(*samples[key]))

    wall, cpu = figures("connect")
    bench.row("idle", "a bare connect and select 1", "", f"{wall:.1f} ms, CPU {cpu:.1f} ms")
    for feed in ("queue", "scan"):
        least = figures((feed, sizes[0]))[0]
        for lines in sizes:
            mine, cpu = figures((feed, lines))
            is_last = lines == sizes[-1]
            ratio = mine / least
            bench.row("idle", f"run, feed {feed}, {words(lines)} lines", "<= 1.2 x the smallest" if is_last else "",
                      f"{mine:.1f} ms, CPU {cpu:.1f} ms, x {ratio:.2f}", ratio <= 1.2 if is_last else None)
            if is_last:
                bench.row("idle", f"run / bare connect, feed {feed}, {words(lines)} lines", "<= 3",
                          f"{mine / wall:.2f}", mine / wall <= 3)
        if feed == "queue":
            mine, cpu = figures("audit")
            bench.row("idle", f"the same with 10,000 rows of the ledger's daily audit, {words(sizes[-1])} lines", "",
                      f"{mine:.1f} ms, CPU {cpu:.1f} ms, x {mine / least:.2f}")
        for lines in sizes:
            turn = median(samples["watch", feed, lines])
            is_last = lines == sizes[-1]
            bench.row("idle", f"a watch turn, feed {feed}, {words(lines)} lines: database time",
                      "< 0.3 ms" if is_last else "", f"{turn:.3f} ms", turn < 0.3 if is_last else None)


# ---------------------------------------------------------------- changes

CALLS_MAX = 32  # of change(), with orders of its own each


def change(bench, url, lines, count, call):
    """So many lines all over the warehouse ship their second unit, in one statement; the feed sees it."""
    step = lines // 2 / CALLS_MAX / count
    if step < 1 or call >= CALLS_MAX:
        raise RuntimeError(f"{lines} lines are too few for {count} changes, the {call}th time")
    bench.sql(url, f"""
        update wms.lines set shipped_quantity = 2, changed_at = now()
         where (order_id, item_id) in (
               select bench.order_id(n), bench.order_id(n) || '01'
                 from generate_series(0, {count - 1}) j
                cross join lateral (select {call} + 1 + {CALLS_MAX} * floor(j * {step})::bigint as n) x)""")


def planned_ms(bench, url, config, count):
    """Database time of a run that plans all and posts one; then all are posted, so that the next round begins anew."""
    pgstat.begin(bench, url)
    began = time.monotonic()
    bench.waybill(config[1], "run", "-q")
    wall = (time.monotonic() - began) * 1000
    took = pgstat.took(bench, url)[0]
    pgstat.say_top(bench, url, f"{count} changes")
    planned = int(bench.sql(url, "select planned from waybill.runs order by run_id desc limit 1"))
    if planned != count:
        raise RuntimeError(f"{count} lines changed, {planned} submissions planned")
    bench.waybill(config[0], "run", "-q")
    return took, wall


class Locks:
    """Which locks on the warehouse's table others hold, looked at again and again by a session of its own."""

    def __init__(self, url):
        self.modes = set()
        self.stops = threading.Event()
        self.process = subprocess.Popen(["psql", "-XqAt", "-d", url], text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        self.thread = threading.Thread(target=self.look)

    def look(self):
        while not self.stops.wait(0.02):
            self.process.stdin.write("select coalesce(string_agg(distinct mode, ' '), '') from pg_locks"
                                     " where relation = 'wms.lines'::regclass and pid <> pg_backend_pid();\n")
            self.process.stdin.flush()
            self.modes.update(self.process.stdout.readline().split())

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stops.set()
        self.thread.join()
        self.process.stdin.close()
        self.process.wait()


def changes_part(bench):
    lines = sizes_of(bench)[-1]
    url = bench.filled(lines)
    goals = {10: None, 100: 5, 1000: None, 10000: 500}
    if bench.is_quick:
        goals = {10: None, 100: 5, 1000: None}
    samples = {}
    calls = 0
    bench.sql(url, "select waybill.feed_from('wms.lines', 'order_id')")
    with Responder(bench) as responder:
        for feed in ("queue", "scan"):
            configs = [config_of(bench, url, f"changes_{feed}_{most}", responder.url, feed, most) for most in (0, 1)]
            bench.load(url, "truncate waybill.queue; update waybill.identity set base_url = null, is_live = null;"
                            "update waybill.feed_state set last_sweep_at = now(), sweep_wanted = null,"
                            " audited_at = now(), audit_row = 0")
            bench.waybill(configs[0], "run", "-q")
            for n in range(bench.rounds):
                for count in goals:
                    bench.note(f"changes: feed {feed}, {count} of {words(lines)}, round {n + 1} of {bench.rounds}")
                    change(bench, url, lines, count, calls)
                    calls += 1
                    samples.setdefault((feed, count), []).append(planned_ms(bench, url, configs, count))
        for (feed, count), values in samples.items():
            took, wall = (median(column) for column in zip(*values))
            goal = goals[count] if feed == "queue" else None
            bench.row("changes", f"feed {feed}: {count} changes among {words(lines)} lines, database time of the run",
                      f"< {goal} ms" if goal else "", f"{took:.1f} ms (run: {wall:.0f} ms)", took < goal if goal else None)
        sweep(bench, url, lines, configs[0])
    bench.sql(url, "select waybill.feed_stop('wms.lines')")


def sweep(bench, url, lines, config):
    bench.note(f"changes: run --sweep over {words(lines)} lines")
    with Locks(url) as locks:
        taken = bench.measure_beside([bench.program("waybill"), "-c", config, "run", "-q", "--sweep"])
    bench.row("changes", f"run --sweep over {words(lines)} lines", "",
              f"{taken.wall_s:.1f} s, bridge {taken.peak_mb:.1f} MB")
    names = sorted(re.sub("Lock$", "", mode) for mode in locks.modes)
    # Reading takes AccessShare, which only stands in the way of DROP, TRUNCATE and most of ALTER TABLE.
    bench.row("changes", "its locks on the warehouse", "only those of reading", ", ".join(names) or "none seen",
              set(names) <= {"AccessShare"})
