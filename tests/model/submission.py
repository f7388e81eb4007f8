#!/usr/bin/env python3
"""One submission, two workers, an API that applies late and lists late: every interleaving.

    submission.py DUMP      DUMP prints the decision table of src/sync/verdict.c (verdict_dump.c)

What an answer or a look means is the table's own word; claims, settlements, the reaper and the first
look of a new generation are modelled after sql/functions. Time is ticks; a worker may stand still
at any point for as long as it likes, die, or lose its database session; a failover may take back
what the ledger knew. Violations:

    TWICE    the API applied it twice
    LOST     the ledger says accepted, the API has nothing and never will
    LEDGER   the ledger says rejected, the API has it and nobody is left to say so

With everything in place none may be found; with one protection taken away each must find its
known counter-example, or the model has lost its teeth.
"""

import subprocess
import sys
import time
from collections import deque, namedtuple

# Ticks. A claim may be sent until SEND after it was made; an answer is waited for TIMEOUT; the API
# applies up to LATE after the request was sent and lists at most LAG after it applied.
SEND, TIMEOUT, LATE, LAG = 1, 1, 2, 0
SETTLE = LATE + LAG - TIMEOUT + 1
END = 5
TRIES = 3
STATES_MAX = 400_000

# What the ledger holds of the submission.
Ledger = namedtuple("Ledger", "state token expires settle_after then unknown tries verified since")
# pc: idle, precheck, ready, wait, answered, looking, looked, dead; the rest as that needs it.
Worker = namedtuple("Worker", "pc token began request event tries has_session")
IDLE = Worker("idle", 0, 0, -1, "", 0, True)
State = namedtuple("State", "now ledger workers requests applied tokens accidents failovers")

ALL = frozenset(["deadline", "settle", "token", "first_look", "precheck", "then", "evidence", "look_tries",
                 "first_look_send"])


def read_table(dump):
    decide, look = {}, {}
    for line in subprocess.run([dump], check=True, capture_output=True, text=True).stdout.splitlines():
        word = line.split()
        if word[0] == "decide":
            event, unknown, lines, exhausted, then, state, after, possible = word[1:]
            if lines == "1" and exhausted == "0":
                decide[event, int(unknown), then] = state, after, int(possible)
        else:
            readable, found, unexplained, settled, looks, seen, event = word[1:]
            if unexplained == "0" and seen == "1" and looks == "3":
                look[int(readable), int(found), int(settled)] = event
    return decide, look


class Model:
    """The rules, of which some may be left out."""

    def __init__(self, table, rules, settle=SETTLE, failover=False, guard=False, refusals=(), end=END):
        self.decide, self.look = table
        self.rules = rules
        self.settle = settle if "settle" in rules else 0
        self.failover = failover
        self.end = end
        self.guard = guard          # the API refuses units that it has
        self.refusals = refusals    # events with which it may refuse for no such reason

    def begin(self):
        ledger = Ledger("planned", 0, -1, -1, "-", 0, 0, True, 0)
        accidents = 0 if self.refusals or self.failover else 1
        return State(0, ledger, (IDLE, IDLE), (), (), 0, accidents, int(self.failover))

    def first_look(self):
        """After a failover: a claim of the moment before it may still leave until its deadline."""
        return TIMEOUT + self.settle + (SEND if "first_look_send" in self.rules else 0)

    # -- what the API shows --

    @staticmethod
    def may_show(state):
        return bool(state.applied)

    @staticmethod
    def may_hide(state):
        return not any(at + LAG <= state.now for at in state.applied)

    # -- steps --

    def steps(self, s):
        over = s.ledger.state in ("accepted", "held") or (s.ledger.state == "rejected" and not s.requests)
        if over and all(w.pc in ("idle", "dead", "looking", "looked") for w in s.workers):
            return  # nobody sends any more
        yield from self.clock(s)
        yield from self.api(s)
        for at in (0, 1):
            if at == 1 and s.workers[1] == s.workers[0]:
                continue
            yield from self.worker(s, at)
        yield from self.reaper(s)
        yield from self.fail_over(s)

    def clock(self, s):
        if s.now < self.end and all(how != "flies" or s.now < sent + LATE for sent, how in s.requests):
            yield "tick", s._replace(now=s.now + 1)

    def api(self, s):
        for i, (sent, how) in enumerate(s.requests):
            if how != "flies":
                continue

            def put(word):
                return s.requests[:i] + ((sent, word),) + s.requests[i + 1:]

            if self.guard and s.applied:
                yield f"the API refuses request {i}: taken", s._replace(requests=put("post_taken"))
            else:
                yield f"the API applies request {i}", s._replace(
                    requests=put("applied"), applied=s.applied + (s.now,))
            yield f"request {i} is lost", s._replace(requests=put("gone"))
            if s.now <= sent + TIMEOUT:
                for event in self.refusals:
                    yield f"the API refuses request {i}: {event}", s._replace(requests=put(event))

    def worker(self, s, at):
        w = s.workers[at]
        if w.pc == "dead":
            return

        def put(worker, **more):
            workers = list(s.workers)
            workers[at] = worker
            return s._replace(workers=tuple(workers), **more)

        name = f"worker {at}"
        if w.pc == "idle" and w.has_session:
            yield from self.idle(s, w, put, name)
        elif w.pc == "precheck":
            if self.may_show(s):
                yield f"{name} looks before it sends: it is there", put(
                    w._replace(pc="answered", event="look_found"))
            if self.may_hide(s):
                yield f"{name} looks before it sends: it isn't there", put(w._replace(pc="ready"))
                yield from self.renew(s, w, put, name)
        elif w.pc == "ready":
            if "deadline" not in self.rules or s.now <= w.began + SEND:
                yield f"{name} sends", put(w._replace(pc="wait", request=len(s.requests)),
                                           requests=s.requests + ((s.now, "flies"),))
            else:
                yield f"{name} is too late to send", put(w._replace(pc="answered", event="post_late"))
        elif w.pc == "wait":
            sent, how = s.requests[w.request]
            if how == "applied" and s.now <= sent + TIMEOUT:
                yield f"{name} reads 201", put(w._replace(pc="answered", event="post_accepted"))
            elif how.startswith("post_") and s.now <= sent + TIMEOUT:
                yield f"{name} reads {how}", put(w._replace(pc="answered", event=how))
            if how == "gone" or s.now >= sent + TIMEOUT:
                yield f"{name} has no answer", put(w._replace(pc="answered", event="post_unknown"))
        elif w.pc == "answered" and w.has_session:
            ledger, what = self.settled(s, w)
            yield f"{name} settles {w.event}: {what}", put(IDLE, ledger=ledger)
        elif w.pc == "looking":
            # `event` is "1" when the settle time was over as the look was taken
            for found, may in ((1, self.may_show(s)), (0, self.may_hide(s))):
                if may:
                    event = self.look[1, found, int(w.event)]
                    yield f"{name} has looked: {event}", put(w._replace(pc="looked", event=event))
            yield f"{name} can't read the list", put(IDLE._replace(has_session=w.has_session))
        elif w.pc == "looked" and w.has_session:
            ledger, what = self.looked(s, w)
            yield f"{name} records {w.event}: {what}", put(IDLE, ledger=ledger)
        if not w.has_session:
            yield f"{name} connects again", put(w._replace(has_session=True))
        if w.pc != "idle":
            if s.accidents > 0:
                yield f"{name} dies", put(IDLE._replace(pc="dead", has_session=False), accidents=0)
            if s.accidents > 0 and w.has_session:
                yield f"{name} loses its session", put(w._replace(has_session=False), accidents=0)

    def idle(self, s, w, put, name):
        led = s.ledger
        if led.state == "planned" and (led.verified or "first_look" not in self.rules) and led.tries < TRIES:
            pc = "precheck" if led.unknown and "precheck" in self.rules else "ready"
            token = s.tokens + 1
            yield f"{name} claims", put(
                Worker(pc, token, s.now, -1, "", 0, True), tokens=token,
                ledger=led._replace(state="sending", token=token, expires=s.now + SEND, tries=led.tries + 1))
        if led.state == "unknown":
            settled = led.settle_after <= s.now
            yield f"{name} takes a look", put(
                Worker("looking", 0, s.now, -1, str(int(settled)), led.tries, True))
        if led.state == "planned" and not led.verified and led.since + self.first_look() <= s.now:
            if self.may_show(s):
                yield f"{name} lists for the new generation: it is there", put(
                    w, ledger=led._replace(state="accepted", verified=True))
            if self.may_hide(s):
                yield f"{name} lists for the new generation: nothing", put(
                    w, ledger=led._replace(verified=True))

    def renew(self, s, w, put, name):
        """The look took as long as the claim may be sent: the claim begins anew, while it stands."""
        stands = s.ledger.state == "sending" and s.ledger.token == w.token
        if w.has_session and s.now > w.began + SEND and stands:
            yield f"{name} has looked, and claims anew", put(
                w._replace(pc="ready", began=s.now), ledger=s.ledger._replace(expires=s.now + SEND))

    def settled(self, s, w):
        """The claim's own answer; a stale one counts only as evidence that it was accepted."""
        led = s.ledger
        if w.event in ("post_accepted", "look_found"):
            own = led.state == "sending" and led.token == w.token
            if own or ("evidence" in self.rules and led.state in ("sending", "unknown", "planned", "held", "rejected")):
                return self.over(led, "accepted"), "accepted"
            return led, "nothing"
        if led.state != "sending" or ("token" in self.rules and led.token != w.token):
            return led, "nothing"
        state, then, possible = self.decide[w.event, int(led.unknown > 0), "-"]
        if state == "unknown" and "then" not in self.rules and then == "reject":
            state = "rejected"
        if state == "unknown":
            return led._replace(state="unknown", token=0, settle_after=led.expires + TIMEOUT + self.settle,
                                then=then, unknown=min(1, led.unknown + possible)), "unknown"
        return self.over(led, state), state

    def looked(self, s, w):
        led = s.ledger
        if w.event == "look_found":
            if led.state in ("unknown", "planned", "held", "rejected", "sending"):
                return self.over(led, "accepted"), "accepted"
            return led, "nothing"
        if led.state != "unknown" or ("look_tries" in self.rules and led.tries != w.tries):
            return led, "nothing"
        state, _, _ = self.decide[w.event, int(led.unknown > 0), led.then]
        return (led, "still unknown") if state == "unknown" else (self.over(led, state), state)

    @staticmethod
    def over(led, state):
        return led._replace(state=state, token=0, expires=-1, settle_after=-1, then="-")

    def reaper(self, s):
        led = s.ledger
        if led.state != "sending" or s.now <= led.expires:
            return
        alive = any(w.token == led.token and w.has_session and w.pc not in ("idle", "dead") for w in s.workers)
        if not alive or s.now > led.expires + TIMEOUT:
            yield "the reaper: unknown", s._replace(ledger=led._replace(
                state="unknown", token=0, settle_after=led.expires + TIMEOUT + self.settle,
                then="replan", unknown=1))

    def fail_over(self, s):
        """An asynchronous standby is promoted that has seen none of it; sessions end, workers live."""
        if s.failovers > 0 and s.tokens > 0 and s.ledger.state != "planned":
            # a counter would begin again; a token made by the worker never does
            tokens = s.tokens if "token" in self.rules else 0
            yield "a failover loses the claim", s._replace(
                failovers=0, tokens=tokens,
                workers=tuple(w._replace(has_session=False) for w in s.workers),
                ledger=Ledger("planned", 0, -1, -1, "-", 0, 0, False, s.now))

    # -- judgement --

    @staticmethod
    def wrong(s):
        if len(s.applied) > 1:
            return "TWICE"
        flies = any(how == "flies" for _, how in s.requests)
        if s.ledger.state == "accepted" and not s.applied and not flies:
            return "LOST"
        if s.ledger.state == "rejected" and s.applied and all(w.pc in ("idle", "dead") for w in s.workers):
            return "LEDGER"
        return None


def explore(model):
    """Breadth first; (states, is complete, name of the first violation, its steps)."""
    begin = model.begin()
    seen = {begin: None}
    queue = deque([begin])
    while queue:
        state = queue.popleft()
        wrong = model.wrong(state)
        if wrong:
            steps = []
            while seen[state]:
                state, what = seen[state]
                if what != "tick":
                    steps.append(f"t{state.now} {what}")
            return len(seen), False, wrong, steps[::-1]
        for what, after in model.steps(state):
            # two workers are alike
            if after.workers[1] < after.workers[0]:
                after = after._replace(workers=after.workers[::-1])
            if after not in seen:
                seen[after] = (state, what)
                queue.append(after)
        if len(seen) > STATES_MAX:
            return len(seen), False, None, []
    return len(seen), True, None, []


RUNS = [
    # name, expected violation, rules left out, options
    ("everything in place", None, (), {"end": END + 1}),
    ("the API refuses what it has, and at will", None, (), {"guard": True, "refusals": ("post_refused",)}),
    ("the order has to wait", None, (), {"refusals": ("post_waits",)}),
    ("a failover loses the ledger's tail", None, (), {"failover": True}),
    ("without the send deadline", "TWICE", ("deadline",), {}),
    ("without the settle time", "TWICE", ("settle",), {}),
    ("with a settle time shorter than late application", "TWICE", (), {"settle": 0}),
    ("a claim token that is used again after a failover", "TWICE", ("token",), {"failover": True}),
    ("without the first look of a generation", "TWICE", ("first_look",), {"failover": True}),
    ("a first look that forgets what may still be sent", "TWICE", ("first_look_send",), {"failover": True}),
    ("a refusal is believed at once", "LEDGER", ("then", "evidence"), {"guard": True, "settle": 0}),
    ("a stale look settles a later attempt", "TWICE", ("look_tries",), {}),
]


def main():
    table = read_table(sys.argv[1])
    bad = 0
    for name, expected, left_out, options in RUNS:
        began = time.monotonic()
        states, complete, wrong, steps = explore(Model(table, ALL - frozenset(left_out), **options))
        ok = wrong == expected and (wrong is not None or complete)
        bad += not ok
        print(f"{'ok' if ok else 'NOT OK'}: {name}: {wrong or 'nothing bad'} in {states} states"
              f"{'' if complete or wrong else ' (not all)'}, {time.monotonic() - began:.1f} s")
        if wrong and not ok or "-v" in sys.argv:
            print("    " + "; ".join(steps))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
