"""The demo's own desk phones: they answer every call after some seconds and play a tone, so that a newcomer without any phone
can be an agent. A program of its own, because a process can hold one SIP stack only and the demo must outlive it.

Passwords come in CTI_PHONE_PASSWORDS, a JSON object `{"1001": "…"}`, where other users cannot read them. Prints `registered`
when all phones are; ends on SIGTERM, unregistering them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys

from cti_server.errors import CtiError
from cti_server.lab.phones import AgentPhone, Behaviour, PhoneBank

ANSWER_SECONDS = 3.0
BEHAVIOUR = Behaviour(answer_after=ANSWER_SECONDS)
REGISTERED = "registered"


async def _forget_calls(phone: AgentPhone) -> None:
    """A phone keeps its calls for tests to look at; here they would pile up."""
    while True:
        talk = await phone.rings(timeout=86_400.0 * 365)
        await talk.ended.wait()
        phone.talks.remove(talk)


async def answer_calls(at: str, passwords: dict[str, str], rtp_ports: tuple[int, int]) -> None:
    """Until SIGTERM or SIGINT. Raises Unavailable when the switch does not accept a phone."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    host, _, port = at.rpartition(":")
    async with PhoneBank(host, int(port), rtp_ports) as bank:
        phones = [await bank.phone(user, password, BEHAVIOUR) for user, password in passwords.items()]
        print(REGISTERED, flush=True)
        keepers = [asyncio.create_task(_forget_calls(phone)) for phone in phones]
        await stop.wait()
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--at", required=True, help="HOST:PORT of the switch")
    parser.add_argument("--rtp", type=int, nargs=2, required=True, help="first and last UDP port of their sound")
    given = parser.parse_args()
    first, last = given.rtp
    try:
        asyncio.run(answer_calls(given.at, json.loads(os.environ["CTI_PHONE_PASSWORDS"]), (first, last)))
    except CtiError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
