"""cost: what the warehouse's own updates take, with and without the queue's triggers."""

import os
import re
import subprocess

from common import Skipped, median

# rows a statement: (goal of the ratio, the update)
UPDATES = {
    1: (1.15, """\\set n random(1, %d)
update wms.lines set tracking_number = 'N' || :n where order_id = bench.order_id(:n) and item_id = bench.order_id(:n) || '01';
"""),
    1000: (1.35, """\\set n random(1, %d - 500)
update wms.lines set tracking_number = 'N' || :n where order_id between bench.order_id(:n) and bench.order_id(:n + 499);
"""),
}
WRITERS = (1, 8)


def pgbench_path(bench):
    folder = bench.sql(bench.server_url, "select setting from pg_config where name = 'BINDIR'")
    path = os.path.join(folder, "pgbench")
    if not os.access(path, os.X_OK):
        raise Skipped("pgbench isn't installed")
    return path


def latency_ms(pgbench, url, script, writers, seconds):
    done = subprocess.run([pgbench, "-n", "-f", script, "-c", str(writers), "-j", "1", "-T", str(seconds),
                           "-M", "prepared", url], capture_output=True, text=True)
    found = re.search(r"latency average = ([0-9.]+) ms", done.stdout)
    # Two writers of a thousand rows may lock them crosswise: pgbench ends that client, as any warehouse would.
    if done.returncode not in (0, 2) or found is None:
        raise RuntimeError(f"pgbench ended with {done.returncode}: {done.stderr[-1000:]}")
    return float(found.group(1))


def feed(bench, url, is_on):
    bench.sql(url, "select waybill.feed_from('wms.lines', 'order_id')" if is_on
              else "select waybill.feed_stop('wms.lines')")
    bench.load(url, "truncate waybill.queue")


def part(bench):
    lines = bench.lines or (100000 if bench.is_quick else 1000000)
    pgbench = pgbench_path(bench)
    url = bench.filled(lines, "cost")
    seconds = 1 if bench.is_quick else 4
    samples = {}
    for rows, (_, text) in UPDATES.items():
        script = bench.path(f"update_{rows}.sql")
        with open(script, "w") as file:
            file.write(text % (lines // 2))
        for writers in WRITERS:
            for n in range(bench.rounds):
                bench.note(f"cost: {rows} rows a statement, {writers} writers, round {n + 1} of {bench.rounds}")
                for is_on in (False, True) if n % 2 == 0 else (True, False):
                    feed(bench, url, is_on)
                    samples.setdefault((rows, writers, is_on), []).append(
                        latency_ms(pgbench, url, script, writers, seconds))
    bench.forget_filled("cost")
    for rows, (goal, _) in UPDATES.items():
        for writers in WRITERS:
            without, fed = samples[rows, writers, False], samples[rows, writers, True]
            ratio = median(b / a for a, b in zip(without, fed))
            bench.row("cost", f"an UPDATE of {rows} rows, {writers} writers, with the feed / without",
                      f"<= {goal}", f"{median(fed):.3f} / {median(without):.3f} ms = {ratio:.2f}", ratio <= goal)
