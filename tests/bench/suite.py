"""The benchmark suite; run.sh beside it starts the server and calls this."""

import argparse
import os
import platform
import subprocess
import sys
import time

import cost
import drain
import idle
import latency
import pgstat
import years
from common import Bench, Skipped

PARTS = {
    "drain": drain.part,
    "latency": latency.latency_part,
    "limit": latency.limit_part,
    "idle": idle.idle_part,
    "changes": idle.changes_part,
    "cost": cost.part,
    "years": years.part,
}


def first_line(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "none"


def read_field(path, name):
    with open(path) as file:
        for line in file:
            if line.startswith(name):
                return line.split(":", 1)[1].strip()
    return "unknown"


def say_where(bench):
    """The machine and the versions, without which no figure means anything."""
    settings = bench.sql(bench.server_url, """
        select string_agg(name || ' = ' || current_setting(name), ', ' order by name) from pg_settings
         where name in ('shared_buffers', 'fsync', 'synchronous_commit', 'full_page_writes', 'max_wal_size', 'wal_level')""")
    memory = int(read_field("/proc/meminfo", "MemTotal").split()[0]) // 1024
    print(f"machine   {os.cpu_count()} cores, {read_field('/proc/cpuinfo', 'model name')}, {memory} MB, "
          f"Linux {platform.release()}, load {os.getloadavg()[0]:.1f}")
    print(f"versions  {bench.sql(bench.server_url, 'select version()').split(' on ')[0]}, "
          f"{first_line('curl', '--version').split(' (')[0]}, node {first_line('node', '--version')}")
    print(f"server    {settings}")
    print(f"rounds    {bench.rounds}, interleaved; medians{', quick version' if bench.is_quick else ''}\n")


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/run.sh")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--only-waybill", action="store_true")
    parser.add_argument("--statements", action="store_true")
    parser.add_argument("--lines", type=int)
    parser.add_argument("--history", type=int)
    parser.add_argument("--in-flight", type=int, action="append", default=[])
    for name in ("build", "work", "server-url", "server-pid"):
        parser.add_argument("--" + name, required=True, help=argparse.SUPPRESS)
    args = parser.parse_args()
    for name in args.parts:
        if name not in PARTS:
            parser.error(f'no part "{name}"; there are: {", ".join(PARTS)}')
    bench = Bench(args.build, args.work, args.server_url, int(args.server_pid), args.quick,
                  args.rounds or (2 if args.quick else 3))
    bench.only_waybill = args.only_waybill
    bench.says_statements = args.statements
    bench.history = args.history
    bench.lines = args.lines
    bench.in_flight = args.in_flight
    if args.statements:
        pgstat.track_nested(bench)
    say_where(bench)
    failed = 0
    for name in args.parts or PARTS:
        began = time.monotonic()
        try:
            PARTS[name](bench)
        except Skipped as why:
            bench.row(name, "skipped", "", str(why))
        except Exception as why:  # the other parts are still worth their figures
            failed = 1
            bench.row(name, "the part failed", "", (str(why) or repr(why)).splitlines()[0])
            print(f"{name}: {why}", file=sys.stderr)
        bench.row(name, "the part took", "", f"{time.monotonic() - began:.0f} s")
    bench.print_rows()
    return failed


if __name__ == "__main__":
    sys.exit(main())
