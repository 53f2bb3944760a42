"""`scripts/demo --traffic`: callers by the handful, and the agents who take them, so that a newcomer sees a centre at work.

The agents are signed in and made ready through the API their page uses, and their test phones answer. Most of them also write
a note, file the call and end their wrap-up; the last one leaves that to whoever signs in as him. Bounds: MOST_AT_ONCE calls,
one every EVERY_SECONDS. On SIGTERM the callers hang up and the agents are signed out.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
import traceback
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from cti_server.errors import CtiError, Unavailable
from cti_server.lab.follow import Event, following, read_ready
from cti_server.lab.sample_people import CALLERS, PEOPLE
from cti_server.lab.sipp import SippCaller

MOST_AT_ONCE = 6
EVERY_SECONDS = (5.0, 12.0)
WRITES_AFTER = 6.0
"""Seconds of talk after which an agent has something to note."""
WRAPS_UP = (4.0, 12.0)
STRANGERS = ("13900000031", "13900000032", "13900000033")
"""Not on file: their number is all the page can show."""
NUMBERS = (*(caller.number for caller in (*CALLERS, *PEOPLE)), *STRANGERS)
SCRIPTS = (
    ("95598", "wait 5; digits 0; wait {}; hangup"),
    ("95598", "wait 5; digits 2; wait 4; digits 0; wait {}; hangup"),
    ("95598", "wait 5; digits 1; wait 4; digits 0; wait {}; hangup"),
    ("4008", "wait 5; digits 0; wait {}; hangup"),
    ("95598", "wait 3; digits 4; wait {}; hangup"),
)
CHANCE = random.Random()  # noqa: S311 # who calls next is no secret
WEIGHTS = (5, 2, 2, 1, 1)
NOTES = (
    ("enquiry", "咨询缴费方式，已说明。"),
    ("enquiry", "询问计划停电时间，已告知。"),
    ("new_supply", "咨询充电桩报装，已发送材料清单。"),
    ("other", "更新联系电话。"),
)
"""Codes every queue offers."""
SECONDS = (25, 70)
"""From the key for a person to the caller's hanging up, waiting included."""


class Agent:
    """One agent at work, by the same requests his page makes."""

    def __init__(self, client: aiohttp.ClientSession, login: Mapping[str, str]) -> None:
        self._client, self._login = client, login
        self.agent_id = login["login"]

    async def begin(self) -> None:
        """Raises Unavailable when the demo does not let him in."""
        body = {name: self._login[name] for name in ("login", "password")}
        async with self._client.post("session", json=body) as answer:
            if answer.status != 201:
                raise Unavailable(f"the demo refused {self.agent_id}: {await answer.text()}")
        await self.post("agents/me/sign_in")
        await self.post("agents/me/ready")

    async def post(self, path: str, **body: Any) -> None:
        """What is refused (the call is over, somebody else was faster) is no trouble here."""
        async with self._client.post(path, json=body) as answer:
            await answer.read()

    async def write(self, call_id: str, code: str, note: str) -> None:
        await asyncio.sleep(WRITES_AFTER)
        await self.post(f"calls/{call_id}/note", text=note)
        await self.post(f"calls/{call_id}/disposition", code=code)

    async def wrap_up(self) -> None:
        await asyncio.sleep(CHANCE.uniform(*WRAPS_UP))
        await self.post("agents/me/end_wrap_up")


async def tend(agents: Sequence[Agent], events: AsyncIterator[Event], tasks: asyncio.TaskGroup) -> None:
    """Notes during the talk, the end of wrap-up after it."""
    known = {agent.agent_id: agent for agent in agents}
    async for event in events:
        agent = known.get(event.data.get("agent_id", ""))
        if agent is None:
            continue
        if event.kind == "TalkStarted":
            tasks.create_task(agent.write(event.data["call_id"], *CHANCE.choice(NOTES)))
        elif event.kind == "WrapUpStarted":
            tasks.create_task(agent.wrap_up())


async def callers(port: int) -> None:
    """New ones for ever, never more than MOST_AT_ONCE, never two with one number."""
    line, calling = SippCaller(port), dict[str, asyncio.Task[Any]]()
    async with asyncio.TaskGroup() as group:
        while True:
            calling = {number: call for number, call in calling.items() if not call.done()}
            if len(calling) < MOST_AT_ONCE:
                number = CHANCE.choice([one for one in NUMBERS if one not in calling])
                did, script = CHANCE.choices(SCRIPTS, WEIGHTS)[0]
                script = script.format(CHANCE.randint(*SECONDS))
                calling[number] = group.create_task(_call(line, did, number, script))
            await asyncio.sleep(CHANCE.uniform(*EVERY_SECONDS))


async def _call(line: SippCaller, did: str, number: str, script: str) -> None:
    try:
        await line.call(did, caller=number, script=script)
    except Unavailable as error:
        print(error, flush=True)  # one caller less


@asynccontextmanager
async def at_work(facts: Mapping[str, Any]) -> AsyncIterator[list[Agent]]:
    """The agents whose test phones answer; signed out at the end."""
    logins = [login for login in facts["logins"] if login["login"] in facts["test_phones"] and login["role"] == "agent"]
    async with AsyncExitStack() as stack:
        agents = []
        for login in logins:
            jar = aiohttp.CookieJar(unsafe=True)  # cookies of an address without a name
            client = aiohttp.ClientSession(f"{facts['http']['url']}/api/v1/", cookie_jar=jar)
            agent = Agent(await stack.enter_async_context(client), login)
            await agent.begin()
            stack.push_async_callback(agent.post, "agents/me/sign_out")
            agents.append(agent)
        yield agents


async def traffic(facts: Mapping[str, Any]) -> None:
    """Until cancelled. Raises Unavailable when the demo ends, or nobody can call."""
    async with at_work(facts) as agents, following(facts) as events, asyncio.TaskGroup() as tasks:
        tasks.create_task(callers(facts["sip"]["port"]))
        await tend(agents[:-1], events, tasks)


async def until_signal(facts: Mapping[str, Any]) -> None:
    running = asyncio.create_task(traffic(facts))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    with suppress(asyncio.CancelledError):
        await running


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("demo", type=Path, help="ready file or data folder of a demo that runs")
    try:
        asyncio.run(until_signal(read_ready(parser.parse_args().demo)))
    except* (CtiError, aiohttp.ClientError) as group:
        sys.exit("".join(traceback.format_exception(group)))


if __name__ == "__main__":
    main()
