"""The same work done by others, see peers/: installed from npm's registry into the build folder."""

import json
import os
import shutil
import subprocess

from common import HERE, Skipped, rate

# (goal, name, words): waybill at least so many times as fast as it
GOALS = (
    (5, "graphile", "graphile-worker, local queue, results stored"),
    (2, "pgboss", "pg-boss, 3 loops of fetch(200)"),
    (1.5, "script", "a Node script made well, no ledger"),
)
KINDS = [name for _, name, _ in GOALS] + ["loop"]
WORDS = dict([(name, words) for _, name, words in GOALS], loop="the loop that is usually written")


def install(bench):
    """Once in a build folder; what is there already is taken."""
    folder = os.path.join(bench.build, "peers")
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise Skipped("node and npm aren't installed (apt-get install nodejs npm): no peers")
    os.makedirs(folder, exist_ok=True)
    for name in ("package.json", "peer.mjs"):
        shutil.copy(os.path.join(HERE, "peers", name), folder)
    done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--prefer-offline", "--prefix", folder],
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise Skipped(f"npm install failed: no peers: {done.stderr.strip().splitlines()[-1:]}")
    return os.path.join(folder, "peer.mjs")


def drain_once(bench, script, kind, responder, count, in_flight):
    """Its own database each time, so that none pays for another's dead rows."""
    bench.databases += 1
    name = f"bench_{kind}_{bench.databases}"
    bench.sql(bench.server_url, f"create database {name}")
    url = bench.server_url.rsplit("/", 1)[0] + "/" + name
    arguments = [kind, url, responder.url, str(count), str(in_flight)]
    try:
        subprocess.run(["node", script, "prepare", *arguments], check=True)
        bench.sql(url, "checkpoint")
        responder.reset()
        taken = bench.measure(["node", script, "drain", *arguments])
        posts = responder.stats()["posts"]
        if posts != count:
            raise RuntimeError(f"{kind}: {count} due, {posts} posted")
        said = json.loads(taken.text)
        return said["seconds"], said["cpu_us"] / 1e6, taken.database_s, said["peak_kb"] / 1024
    finally:
        bench.drop(url)


def count_of(bench, kind):
    if kind == "loop":
        return 300 if bench.is_quick else 2000
    return 2000 if bench.is_quick else 20000


def round_of(bench, responder, samples):
    """One round of each, 32 in flight."""
    if bench.peers_script is None:
        try:
            bench.peers_script = install(bench)
        except Skipped as why:
            bench.note(str(why))
            bench.peers_script = ""
    if bench.peers_script == "":
        return
    for kind in KINDS:
        count = count_of(bench, kind)
        seconds, cpu_s, database_s, peak_mb = drain_once(bench, bench.peers_script, kind, responder, count, 32)
        samples.add(kind, count, seconds, cpu_s, database_s, peak_mb)


def latency_of(bench, responder, kind, count, in_flight):
    """Posts a second of one peer at an API that takes its time; None: there are no peers."""
    if not bench.peers_script:
        return None
    return rate(count, drain_once(bench, bench.peers_script, kind, responder, count, in_flight)[0])
