"""What all parts of the benchmark share: the server, the API's stand-in, measuring, the table."""

import json
import os
import statistics
import subprocess
import sys
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
WAIT_S = 60
WAREHOUSE = "{wms.lines}"
LEDGER = ("{waybill.rows,waybill.lanes,waybill.orders,waybill.order_items,waybill.submissions,"
          "waybill.submission_items,waybill.attempts}")


class Skipped(Exception):
    """A part, or a line of one, that can't be had here; the text says why."""


class Taken:
    """What one command took."""

    def __init__(self, line, text):
        wall, user, system, peak, code = (int(x) for x in line.split())
        self.wall_s = wall / 1e6
        self.cpu_s = (user + system) / 1e6
        self.peak_mb = peak / 1024
        self.code = code
        self.database_s = 0  # CPU of all processes of the server
        self.text = text


class Responder:
    """The stand-in for the API: a process of ours, on a port of its own."""

    def __init__(self, bench, latency_ms=0, rate=0):
        port_file = bench.path("responder.port")
        if os.path.exists(port_file):
            os.unlink(port_file)
        self.process = subprocess.Popen(
            [bench.program("bench_responder"), "--port-file", port_file,
             "--latency-ms", str(latency_ms), "--rate", str(rate)])
        wait_until("the responder", lambda: os.path.exists(port_file) and os.path.getsize(port_file) > 0
                   and self.process.poll() is None)
        with open(port_file) as file:
            self.url = "http://127.0.0.1:" + file.read().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def reset(self):
        urllib.request.urlopen(self.url + "/bench/reset", data=b"", timeout=WAIT_S).read()

    def stats(self):
        return json.load(urllib.request.urlopen(self.url + "/bench/stats", timeout=WAIT_S))


def wait_until(what, is_so):
    until = time.monotonic() + WAIT_S
    while not is_so():
        if time.monotonic() > until:
            raise RuntimeError(f"{what}: not after {WAIT_S} s")
        time.sleep(0.01)


class Bench:
    """One run of the suite. build: where the programs are; work: a folder that may be filled."""

    def __init__(self, build, work, server_url, server_pid, is_quick, rounds):
        self.build = build
        self.work = work
        self.server_url = server_url
        self.server_pid = server_pid
        self.is_quick = is_quick
        self.rounds = rounds
        self.rows = []
        self.databases = 0
        self.large = {}
        self.peers_script = None  # not looked for yet; "": there are none

    def path(self, name):
        return os.path.join(self.work, name)

    def program(self, name):
        return os.path.join(self.build, name if name == "waybill" else "tests/" + name)

    def note(self, text):
        print(f"-- {text}", file=sys.stderr, flush=True)

    # ------------------------------------------------------------------ the database

    def sql(self, url, text, *settings):
        command = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", url]
        for setting in settings:
            command += ["-c", "set " + setting]
        done = subprocess.run(command + ["-c", text], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"psql: {done.stderr.strip()}\n{text[:500]}")
        return done.stdout.strip()

    def load(self, url, text):
        """As nobody but a benchmark may: without triggers."""
        return self.sql(url, text, "session_replication_role = replica", "synchronous_commit = off",
                        "jit = off")

    def database(self, name, settings=""):
        """A database with an empty warehouse and a live ledger; its URL and the configuration's path."""
        self.databases += 1
        name = f"bench_{name}_{self.databases}"
        self.sql(self.server_url, f"create database {name}")
        url = self.server_url.rsplit("/", 1)[0] + "/" + name
        subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", url, "-f",
                        os.path.join(HERE, "load.sql")], check=True)
        config = self.config(name, url, "http://127.0.0.1:1", settings)
        self.waybill(config, "init")
        self.waybill(config, "baseline", "--from", "nothing")
        # An API is bound at the first run; each round may have another one.
        self.sql(url, "update waybill.feed_state set last_sweep_at = now(); create extension pg_stat_statements")
        return url, config

    def filled(self, lines, user=""):
        """A warehouse of so many lines, two an order, all of them shipped and settled in two years. Kept, since
        parts that leave it consistent share it; user: one that doesn't has its own."""
        key = (lines, user)
        if key not in self.large:
            began = time.monotonic()
            url, _ = self.database(f"lines_{lines}")
            orders = lines // 2
            self.fill(url, WAREHOUSE, f"bench.add_lines(1, {orders}, 2)")
            self.fill(url, LEDGER, f"bench.add_submissions(1, {orders}, 2, 1, true, 24)")
            self.note(f"{lines} lines made in {time.monotonic() - began:.0f} s")
            self.large[key] = url
        return self.large[key]

    def fill(self, url, tables, call):
        """With indexes made afterwards, and statistics as autovacuum would leave them."""
        self.load(url, f"select bench.index_none('{tables}')")
        self.load(url, f"select {call}")
        self.load(url, f"call bench.index_all('{tables}')")
        self.sql(url, "vacuum analyze")
        self.sql(url, "checkpoint")

    def forget_filled(self, user=None):
        """Disk is short: what a part had for itself, or all of them."""
        for key in [key for key in self.large if user in (None, key[1])]:
            self.drop(self.large.pop(key))

    def drop(self, url):
        self.sql(self.server_url, f"drop database {url.rsplit('/', 1)[1]} with (force)")

    def server_children(self):
        """The server's processes: their numbers of /proc/PID/stat, and whether they serve a client."""
        children = []
        for name in os.listdir("/proc"):
            stat = proc_stat(int(name)) if name.isdigit() else None
            if stat is None or stat[1] != self.server_pid:
                continue
            try:
                with open(f"/proc/{name}/cmdline") as file:
                    title = file.read()
            except OSError:
                title = ""
            # Without a title: ended, and not taken note of by its parent yet.
            children.append((stat, title.startswith("postgres: postgres ") or title == ""))
        return children

    def database_cpu_s(self):
        """CPU that the whole server has used so far, ended backends included."""
        # A backend ends a little after its client: until then its time may be counted nowhere.
        wait_until("the end of all backends", lambda: not any(is_client for _, is_client in self.server_children()))
        own = proc_stat(self.server_pid)
        if own is None:
            raise RuntimeError("the server is gone")
        ticks = sum(own[11:15])  # its own and that of all children that ended
        ticks += sum(stat[11] + stat[12] for stat, _ in self.server_children())
        return ticks / os.sysconf("SC_CLK_TCK")

    # ------------------------------------------------------------------ programs

    def config(self, name, url, api_url, settings=""):
        key = self.path("api.key")
        if not os.path.exists(key):
            with open(os.open(key, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
                file.write("sk_test_bench\n")
        path = self.path(name + ".yaml")
        with open(path, "w") as file:
            file.write(f"database:\n  url: {url}\nwarehouse:\n  line_items: wms.lines\n")
            file.write(f"api:\n  base_url: {api_url}\n  key_file: {key}\n  mode: test\n")
            file.write(settings)
        return path

    def waybill(self, config, *arguments):
        done = subprocess.run([self.program("waybill"), "-c", config, *arguments],
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"waybill {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")
        return done.stdout

    def measure(self, command):
        """Runs it; says what it took, and what the database took meanwhile."""
        before = self.database_cpu_s()
        taken = self.measure_beside(command)
        taken.database_s = self.database_cpu_s() - before
        return taken

    def measure_beside(self, command):
        """The same while other sessions are open, so without the database's part."""
        out = self.path("measured")
        done = subprocess.run([self.program("bench_measure"), out, *command], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-3000:]}")
        with open(out) as file:
            return Taken(file.read(), done.stdout)

    # ------------------------------------------------------------------ the table

    def row(self, part, what, goal="", measured="", met=None):
        self.rows.append((part, what, goal, measured, {None: "", True: "met", False: "MISSED"}[met]))

    def print_rows(self, file=sys.stdout):
        print_table([("part", "what", "goal", "measured", "")] + self.rows, file)


def print_table(rows, file):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for n, row in enumerate(rows):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |", file=file)
        if n == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|", file=file)


def proc_stat(pid):
    """The numbers of /proc/PID/stat from the state on (which is made 0); None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            rest = file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return [0] + [int(x) for x in rest[1:]]


def median(values):
    return statistics.median(values)


def rate(count, seconds):
    return count / seconds if seconds > 0 else 0.0


def thousands(number):
    return f"{number / 1000:.1f}k" if number >= 1000 else f"{number:.0f}"
