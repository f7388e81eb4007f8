"""latency and limit: an API that takes its time, and one that allows only so many requests a second."""

import drain
import peers
from common import Responder, Skipped, median, rate

IN_FLIGHT = 40


def latency_round(bench, url, latency_ms, count, samples):
    with Responder(bench, latency_ms=latency_ms) as responder:
        taken = drain.drain_once(bench, url, "latency", responder, count, IN_FLIGHT)
        samples.setdefault("whole process", []).append(rate(count, taken.wall_s))
        # Without start and end of the process, which the ceiling knows nothing of.
        samples.setdefault("first to last POST", []).append(rate(count - 1, responder.stats()["between_ns"] / 1e9))
        if latency_ms == 20 and not bench.only_waybill:
            if bench.peers_script is None:
                try:
                    bench.peers_script = peers.install(bench)
                except Skipped as why:
                    bench.note(str(why))
                    bench.peers_script = ""
            for kind in peers.KINDS[:3]:
                posts = peers.latency_of(bench, responder, kind, count, IN_FLIGHT)
                if posts is not None:
                    samples.setdefault(peers.WORDS[kind], []).append(posts)


def latency_part(bench):
    """The ceiling is arithmetic: in flight / latency."""
    url, _ = bench.database("latency")
    for latency_ms in (20, 200):
        ceiling = IN_FLIGHT * 1000 / latency_ms
        seconds = 2 if bench.is_quick else 10
        samples = {}
        for n in range(bench.rounds):
            bench.note(f"latency: {latency_ms} ms, round {n + 1} of {bench.rounds}")
            latency_round(bench, url, latency_ms, int(ceiling * seconds), samples)
        for name, values in samples.items():
            share = median(values) / ceiling
            is_goal = latency_ms == 20 and name == "first to last POST"
            bench.row("latency", f"{latency_ms} ms, {IN_FLIGHT} in flight, ceiling {ceiling:.0f}/s: {name}",
                      ">= 97 %" if is_goal else "", f"{median(values):.0f}/s, {share * 100:.1f} %",
                      share >= 0.97 if is_goal else None)
    bench.drop(url)


LIMIT_SETTINGS = """  requests_per_second: 250
  max_in_flight: 40
log:
  level: warn
"""


def limit_part(bench):
    """250 a second allowed, as the API's documentation says, and 20 ms for each answer."""
    count = 2500 if bench.is_quick else 20000
    url, _ = bench.database("limit")
    with Responder(bench, latency_ms=20, rate=250) as responder:
        bench.note(f"limit: {count} at 250 a second")
        drain.plan(bench, url, count)
        responder.reset()
        config = bench.config("limit", url, responder.url, LIMIT_SETTINGS)
        taken = bench.measure([bench.program("waybill"), "-c", config, "run", "-q"])
        stats = responder.stats()
    bench.drop(url)
    if stats["posts"] != count:
        raise RuntimeError(f"{count} due, {stats['posts']} posted")
    # Every request is charged, the few that aren't POSTs too.
    share = (count + stats["others"]) / taken.wall_s / 250
    bench.row("limit", f"{count} due, 250/s allowed: share of the allowance", ">= 99 %", f"{share * 100:.1f} %",
              share >= 0.99)
    bench.row("limit", "answers 429", "0", str(stats["refused"]), stats["refused"] == 0)
