"""drain: a backlog goes out as fast as it can, against libcurl alone, wrk, and other queues."""

import shutil

import peers
from common import Responder, Skipped, median, rate, thousands

SMALL, LARGE = 20000, 200000
SETTINGS = """  requests_per_second: 1000000
  max_in_flight: %d
log:
  level: warn
"""
WRK_SCRIPT = """wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer sk_test_bench"
wrk.body = [[%s]]
"""


WORDS = {"wrk": "wrk, connections: ", "curl": "libcurl alone, in flight: ",
         "waybill": "waybill, in flight: ", "due": "waybill, 32 in flight, due: "}


class Samples:
    """What the rounds gave, by name: (posts a second, us of the client, us of the database, MB)."""

    def __init__(self):
        self.of = {}

    def add(self, name, count, wall_s, cpu_s, database_s, peak_mb):
        self.of.setdefault(name, []).append(
            (rate(count, wall_s), cpu_s * 1e6 / count, database_s * 1e6 / count, peak_mb))

    def median(self, name):
        return tuple(median(column) for column in zip(*self.of[name]))

    def ratios(self, name, other):
        """Of one round each; then their median: what the machine did meanwhile hit both."""
        return median(a[0] / b[0] for a, b in zip(self.of[name], self.of[other]))


def body(n=1):
    order = 230000000000 + n
    return ('{"orderId":"%d","items":[{"itemId":"%d01","quantity":1,"cancelQuantity":0}],'
            '"trackingCompany":"UPS","trackingNumber":"1Z%016d","trackingUrl":"https://tracking.example.com/1Z%016d",'
            '"metadata":{"waybill_submission":"00000000-0000-4000-8000-%012d",'
            '"waybill_instance":"5fb2f9f4-6f0e-4c52-9d4a-0c6d6f6e2f11"}}' % (order, order, n, n, n))


def plan(bench, url, count):
    """Exactly so many due submissions, and no history."""
    bench.load(url, "select bench.forget()")
    bench.load(url, f"select bench.add_submissions(1, {count}, 1, 1, false, 1)")
    bench.load(url, "update waybill.identity set base_url = null, is_live = null")
    bench.sql(url, "vacuum analyze waybill.submissions, waybill.rows, waybill.lanes, waybill.orders, "
                   "waybill.submission_items, waybill.order_items")
    bench.sql(url, "checkpoint")


def drain_once(bench, url, name, responder, count, in_flight):
    """One `waybill run` over a backlog, process start to exit."""
    plan(bench, url, count)
    responder.reset()
    config = bench.config(name, url, responder.url, SETTINGS % in_flight)
    taken = bench.measure([bench.program("waybill"), "-c", config, "run", "-q"])
    accepted = int(bench.sql(url, "select count(*) from waybill.submissions where state = 'accepted'"))
    posts = responder.stats()["posts"]
    if accepted != count or posts != count:
        raise RuntimeError(f"{count} due, {posts} posted, {accepted} accepted")
    return taken


def curl_once(bench, responder, count, in_flight):
    taken = bench.measure([bench.program("bench_posts"), responder.url, str(count), str(in_flight)])
    return float(taken.text), taken


def wrk_once(bench, responder, in_flight, seconds):
    """Posts and seconds of wrk with as many connections."""
    if shutil.which("wrk") is None:
        raise Skipped("wrk isn't installed (apt-get install wrk)")
    script = bench.path("wrk.lua")
    with open(script, "w") as file:
        file.write(WRK_SCRIPT % body())
    responder.reset()
    taken = bench.measure(["wrk", "-t1", f"-c{in_flight}", f"-d{seconds}s", "-s", script,
                           responder.url + "/fulfillments"])
    return responder.stats()["posts"], seconds, taken


def rounds_of(bench, url, responder, samples):
    counts = {1: 500, 8: 2000, 32: 5000, 64: 5000} if bench.is_quick else \
             {1: SMALL // 4, 8: SMALL, 32: SMALL, 64: SMALL}
    if bench.in_flight:
        counts = {n: counts.get(n, 5000 if bench.is_quick else SMALL) for n in bench.in_flight}
    for n in range(bench.rounds):
        bench.note(f"drain: round {n + 1} of {bench.rounds}")
        for in_flight, count in counts.items():
            try:
                posts, seconds, taken = wrk_once(bench, responder, in_flight, 1 if bench.is_quick else 2)
                samples.add(f"wrk {in_flight}", posts, seconds, taken.cpu_s, 0, taken.peak_mb)
            except Skipped as why:
                if n == 0:
                    bench.note(f"drain: {why}")
            seconds, taken = curl_once(bench, responder, count * 2, in_flight)
            samples.add(f"curl {in_flight}", count * 2, seconds, taken.cpu_s, 0, taken.peak_mb)
            taken = drain_once(bench, url, "drain", responder, count, in_flight)
            samples.add(f"waybill {in_flight}", count, taken.wall_s, taken.cpu_s, taken.database_s,
                        taken.peak_mb)
        if not bench.only_waybill:
            peers.round_of(bench, responder, samples)


def peaks(bench, url, responder, samples):
    """20,000 against 200,000; --quick: 2,000 against 20,000."""
    small, large = (2000, 20000) if bench.is_quick else (SMALL, LARGE)
    for count in (small, large):
        for n in range(1 if bench.is_quick else 2):
            taken = drain_once(bench, url, "drain", responder, count, 32)
            samples.add(f"due {count}", count, taken.wall_s, taken.cpu_s, taken.database_s, taken.peak_mb)
    return f"due {small}", f"due {large}"


def table(bench, samples, small, large):
    def figures(name):
        posts, client, database, peak = samples.median(name)
        return f"{thousands(posts)}/s, {client:.0f} us, database {database:.0f} us, {peak:.1f} MB"

    for name in samples.of:
        kind, _, number = name.partition(" ")
        bench.row("drain", WORDS[kind] + number if kind in WORDS else peers.WORDS[kind], "", figures(name))
    if "waybill 32" not in samples.of:
        return
    ratio = samples.ratios("waybill 32", "curl 32")
    bench.row("drain", "waybill / libcurl alone, 32 in flight", ">= 0.5", f"{ratio:.2f}", ratio >= 0.5)
    for goal, name, text in peers.GOALS:
        if name in samples.of:
            ratio = samples.ratios("waybill 32", name)
            bench.row("drain", f"waybill / {text}", f">= {goal}", f"{ratio:.1f}", ratio >= goal)
        elif not bench.only_waybill:
            bench.row("drain", f"waybill / {text}", f">= {goal}", "skipped")
    client = samples.median("waybill 32")[1]
    bench.row("drain", "CPU of the bridge, us a post", "<= 30", f"{client:.0f}", client <= 30)
    if small is None:
        return
    few, many = samples.median(small)[3], samples.median(large)[3]
    bench.row("drain", f"peak memory, {large} / {small}", "<= 1.10", f"{many / few:.2f}", many / few <= 1.1)
    bench.row("drain", "peak memory, MB", "< 30", f"{many:.1f}", many < 30)


def part(bench):
    samples = Samples()
    url, _ = bench.database("drain")
    with Responder(bench) as responder:
        rounds_of(bench, url, responder, samples)
        small, large = peaks(bench, url, responder, samples) if not bench.in_flight else (None, None)
    bench.drop(url)
    table(bench, samples, small, large)
