"""(c) Concurrent IVR calls: sipp against a real Asterisk and `cti_server serve`, each a process of its own, on this machine.

Every caller walks the balance story: 2 for the balance, 1 for his own account, six digits of PIN (RFC 4733 events), the
amount spoken to its end, the menu after it, hang-up. A call lasts LENGTH seconds, so RATE new ones a second hold RATE ×
LENGTH. CPU is read from /proc over the interval in which that many are up. A call counts as failed when sipp says so or
when its facts are not the whole story: right digits, PIN accepted, balance found, amount spoken, hung up by the caller.

sipp sends 50 RTP packets a second for each call and shares the machine's cores.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from centre import PIN, Centre, Load, Meter, open_centre
from report import Row

from cti_server.domain import facts as f
from cti_server.domain.ids import CallId
from cti_server.lab.sipp import SippCaller
from cti_server.lab.sipp_reports import LoadReport

SCRIPT = f"wait 0.6; digits 2; wait 0.8; digits 1#; wait 0.8; digits {PIN}; wait 5.9; hangup"
LENGTH = 10.3
"""Seconds of SCRIPT: three waits, nine keys of 0.22 s, the amount (4.3 s) and the menu after it."""
GOAL_RATE = 10.0
STEADY = 20.0
FURTHER = (15.0, 20.0)
FURTHER_STEADY = 8.0
SETTLE = 1.0
STORY = frozenset(
    {
        ("MenuChosen", "main", "2"),
        ("InputCollected", "pin", "True"),
        ("LookupDone", "check_pin", "found"),
        ("CallerIdentified", "", "account"),
        ("LookupDone", "find_balance", "found"),
        ("NodeEntered", "balance_more", ""),
        ("CallEnded", "", "caller"),
    }
)
WRONG = (f.FlowFailed, f.InputMissed, f.VisitStarted)


@dataclass(frozen=True, slots=True)
class Outcome:
    rate: float
    sipp: LoadReport
    load: Load
    broken: int
    """Calls whose facts are not the whole story."""
    calls: int
    """Calls on our timeline."""

    @property
    def clean(self) -> bool:
        return not (self.sipp.failed or self.broken) and self.calls == self.sipp.created == self.sipp.succeeded

    def rows(self, goal: bool) -> list[Row]:
        where = f"{self.rate:g} calls/s, {self.sipp.most_at_once} at once"
        failed = self.sipp.failed + self.broken + abs(self.calls - self.sipp.created)
        note = f"of {self.sipp.created}; {self.sipp.retransmissions} SIP retransmissions"
        aims = ("0", "below Asterisk's") if goal else ("", "")
        return [
            Row(f"failed calls at {where}", failed, "calls", goal=aims[0], met=self.clean if goal else None, note=note),
            Row("  CPU of Asterisk", self.load.asterisk, "cores"),
            Row(
                "  CPU of our server",
                self.load.ours,
                "cores",
                ratio=self.load.ours / self.load.asterisk,
                against="Asterisk",
                goal=aims[1],
                met=self.load.ours < self.load.asterisk if goal else None,
                note=f"callers and the rest {self.load.others:.2f} cores",
            ),
        ]


async def hold(centre: Centre, rate: float, steady: float) -> tuple[LoadReport, Load]:
    """Calls at this rate until as many are up as will be, then `steady` seconds more, over which CPU is measured."""
    caller = SippCaller(centre.asterisk.ports.sip)
    calls = round(rate * (LENGTH + SETTLE + steady))
    at_once = round(rate * LENGTH * 2)
    running = asyncio.create_task(
        caller.load("95598", script=SCRIPT, rate=rate, at_once=at_once, calls=calls, callers=centre.callers)
    )
    await asyncio.sleep(LENGTH + SETTLE)
    meter = Meter(centre)
    await asyncio.sleep(steady)
    load = meter.read()
    return await running, load


async def measure(centre: Centre, rate: float, steady: float) -> Outcome:
    before = set(by_call(await centre.facts()))
    report, load = await hold(centre, rate, steady)
    calls = {call: facts for call, facts in by_call(await centre.facts()).items() if call not in before}
    return Outcome(rate, report, load, sum(not whole(facts) for facts in calls.values()), len(calls))


def by_call(recorded: Iterable[f.Recorded]) -> dict[CallId, list[f.CallFact]]:
    calls: defaultdict[CallId, list[f.CallFact]] = defaultdict(list)
    for one in recorded:
        if isinstance(one.fact, f.CallFact):
            calls[one.fact.call_id].append(one.fact)
    return calls


def whole(facts: Sequence[f.CallFact]) -> bool:
    """The whole story and nothing that went wrong."""
    return {step(fact) for fact in facts} >= STORY and not any(isinstance(fact, WRONG) for fact in facts)


def step(fact: f.CallFact) -> tuple[str, str, str]:
    said = next((getattr(fact, name) for name in ("key", "valid", "outcome", "by", "side") if hasattr(fact, name)), "")
    return type(fact).__name__, getattr(fact, "node", ""), str(said)


async def run_all() -> list[Row]:
    async with open_centre() as centre:
        rows = (await measure(centre, GOAL_RATE, STEADY)).rows(goal=True)
        for rate in FURTHER:
            rows += (await measure(centre, rate, FURTHER_STEADY)).rows(goal=False)
        return rows


def run() -> list[Row]:
    return asyncio.run(run_all())
