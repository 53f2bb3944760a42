"""An Asterisk that does not share our disk gets its prompts over HTTP, and a caller hears his balance all the same."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from cti_server.config import HttpSettings, SpeechSettings
from cti_server.domain import facts as f
from cti_server.lab.asterisk import AsteriskInstance
from tests.real.centre import open_centre

pytestmark = pytest.mark.real


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def test_prompts_over_http(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    speech, http = SpeechSettings(engine="none", prompts_over="http"), HttpSettings(port=free_port())
    async with open_centre(asterisk, tmp_path, speech=speech, http=http) as centre:
        await centre.call("wait 1; digits 2; wait 1; digits 1; wait 2.5; digits 135790; wait 9; hangup")
        await centre.calls_over()
        spoken = [fact for fact in centre.of(f.NodeEntered) if fact.node == "balance_more"]
    (answer,) = [fact for fact in centre.of(f.LookupDone) if fact.node == "find_balance"]
    assert spoken, "the amount was not spoken to its end"
    assert spoken[0].at - answer.at > 3_000_000, "the amount was spoken in no time: the sounds were not found"
