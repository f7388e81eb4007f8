"""years: does history make anything slower? Ten years of submissions against the last month of them alone."""

import drain
import pgstat
from common import LEDGER, Responder, median

MONTHS = 120
PARCELS = 5  # of an order: a submission each
GOAL = 1.2

# What reads the live part or a window of time; the others list everything there is, and are asked for one order.
COMMANDS = {
    "status": ["status"],
    "status --json": ["status", "--json"],
    "report --html": ["report", "--html", "-"],
    "report backlog": ["report", "backlog"],
    "report discrepancies": ["report", "discrepancies"],
    "report health": ["report", "health"],
    "report hourly": ["report", "hourly"],
    "report shadow": ["report", "shadow"],
}
OF_ORDER = ("line_items", "orders", "submissions", "submission_items", "attempts", "order_states", "adjustments",
            "posted", "decisions")


def history(bench, name, count, months):
    url, _ = bench.database(name)
    bench.note(f"years: {count} submissions over {months} months are made")
    bench.fill(url, LEDGER, f"bench.add_submissions(1, {count}, 1, {PARCELS}, true, {months})")
    return url


def add_due(bench, url, first, count):
    bench.load(url, f"select bench.add_submissions({first}, {first + count - 1}, 1, 1, false, 1)")
    bench.load(url, "update waybill.identity set base_url = null, is_live = null")
    bench.sql(url, "checkpoint")


def drains(bench, urls, due, first, samples):
    """The same backlog on top of both, by turns."""
    with Responder(bench) as responder:
        for n in range(bench.rounds):
            for size, url in urls.items():
                bench.note(f"years: drain, {size}, round {n + 1} of {bench.rounds}")
                add_due(bench, url, first + n * due, due)
                config = bench.config("years", url, responder.url, drain.SETTINGS % 32)
                pgstat.begin(bench, url)
                taken = bench.measure([bench.program("waybill"), "-c", config, "run", "-q"])
                pgstat.say_top(bench, url, f"drain, {size}")
                samples.setdefault(("drain, whole process", size), []).append(taken.wall_s * 1e6 / due)
                for what in ("claim", "settle"):
                    # The statement's file begins with its name; planning and execution, per post.
                    took = pgstat.took_like(bench, url, f"%-- {what}:%")
                    samples.setdefault((what, size), []).append(took * 1000 / due)


def commands(bench, urls, samples):
    times = 2 if bench.is_quick else 5
    configs = {size: bench.config(f"years_{size}", url, "http://127.0.0.1:1") for size, url in urls.items()}
    some = [f"bench.order_id({n})" for n in (1, 7, 42)]
    for n in range(times + 1):
        for size, url in urls.items():
            for name, arguments in COMMANDS.items():
                taken = bench.measure([bench.program("waybill"), "-c", configs[size], *arguments])
                if n > 0:  # the first time fills the caches
                    samples.setdefault((name, size), []).append(taken.wall_s * 1e6)
            order = bench.sql(url, "select " + some[n % len(some)])
            taken = bench.measure([bench.program("waybill"), "-c", configs[size], "report", "order", "--id", order])
            if n > 0:
                samples.setdefault(("report order --id", size), []).append(taken.wall_s * 1e6)
            for view in OF_ORDER:
                pgstat.begin(bench, url)
                bench.sql(url, f"select * from waybill.report_{view} where order_id = {some[n % len(some)]}")
                if n > 0:
                    samples.setdefault((f"report_{view} of one order, database", size), []).append(
                        pgstat.took(bench, url)[0] * 1000)


def part(bench):
    count = bench.history or (120000 if bench.is_quick else 10000000)
    due = 1000 if bench.is_quick else 5000
    bench.forget_filled()  # disk
    urls = {"a month": history(bench, "month", count // MONTHS, 1), "ten years": history(bench, "years", count, MONTHS)}
    size = bench.sql(urls["ten years"], "select pg_size_pretty(pg_database_size(current_database()))")
    bench.row("years", "submissions of ten years / of the last month", "50,000,000",
              f"{count:,} / {count // MONTHS:,}; {size}")
    samples = {}
    drains(bench, urls, due, count + 1, samples)
    commands(bench, urls, samples)
    for url in urls.values():
        bench.drop(url)
    for what in dict.fromkeys(name for name, _ in samples):
        few, many = (samples[what, size] for size in urls)
        ratio = median(b / a if a > 0 else 1 for a, b in zip(few, many))
        unit = "us a post" if what in ("claim", "settle", "drain, whole process") else "us"
        bench.row("years", what, f"<= {GOAL} x a month's",
                  f"{median(many):.0f} / {median(few):.0f} {unit} = {ratio:.2f}", ratio <= GOAL)
