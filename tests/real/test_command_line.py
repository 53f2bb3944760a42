"""`cti-server` as an administrator types it, beside a real Asterisk: the doctor's good word, a user added at a terminal."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest

from cti_server.lab.asterisk import AsteriskInstance
from tests.real.server_process import environment, open_site

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
WORD = "a long enough word"


async def cti(variables: Mapping[str, str], *words: str) -> tuple[int, str]:
    """`cti-server <words>` to its end: exit status and what it wrote."""
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cti_server", *words,
        env={**os.environ, **variables}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await program.communicate()
    return program.returncode or 0, output.decode()


async def at_terminal(folder: Path, variables: Mapping[str, str], typed: str, *words: str) -> tuple[int, str]:
    """The same at a terminal of its own, where `typed` is typed whenever something is asked."""
    master, slave = os.openpty()
    seen = b""
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    try:
        command = ["setsid", "--ctty", "--wait", sys.executable, "-m", "cti_server", *words]
        process = subprocess.Popen(
            command, env={**os.environ, **variables}, stdin=slave, stdout=slave, stderr=slave, cwd=folder
        )
        os.close(slave)
        loop.add_reader(master, ready.set)
        answered = 0
        while True:
            await asyncio.wait_for(ready.wait(), 30)
            ready.clear()
            try:
                seen += os.read(master, 4096)
            except OSError:  # the terminal's other end is closed: the program has ended
                break
            if seen.count(b": ") > answered and seen.endswith(b": "):
                answered += 1
                os.write(master, f"{typed}\n".encode())
        return await asyncio.to_thread(process.wait, 30), seen.decode()
    finally:
        loop.remove_reader(master)
        os.close(master)


async def test_the_doctor_finds_nothing_to_mend_in_our_own_conf_files(
    asterisk: AsteriskInstance, tmp_path: Path
) -> None:
    await asterisk.serve_from(f"127.0.0.1:{asterisk.ports.agi}")
    variables = environment(asterisk, tmp_path)
    code, said = await cti(variables, "doctor")
    assert (code, said.splitlines()[-1]) == (0, "all is well"), said
    for what in ("AMI login", "events: call", "dialplan", "servers in the dialplan", "queue_log", "database"):
        assert what in said
    assert asterisk.secret not in said
    assert "0 active channels" in await asterisk.cli("core show channels count")

    code, said = await cti({**variables, "CTI_AMI__PASSWORD": "wrong"}, "doctor")
    assert code == 1
    assert "refused" in said


async def test_a_user_added_at_a_terminal_can_sign_in(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    async with open_site(asterisk, tmp_path) as site:
        add = ("user", "add", "lin", "--role", "leader", "--name", "Lin Yue")
        variables = site.server.environment
        code, said = await at_terminal(tmp_path, variables, "short", *add)
        assert code == 2
        assert "too short" in said
        code, said = await at_terminal(tmp_path, variables, WORD, *add)
        assert code == 0, said
        assert "lin can sign in" in said
        assert WORD not in said
        login = {"login": "lin", "password": WORD}
        session = f"{site.server.web}/api/v1/session"
        async with aiohttp.ClientSession() as client, client.post(session, json=login) as answer:
            assert answer.status == 201
            assert (await answer.json())["role"] == "leader"
        code, said = await at_terminal(tmp_path, variables, WORD, *add)
        assert code == 1
        assert "Traceback" not in said
        code, said = await at_terminal(tmp_path, variables, WORD, "user", "add", "wu", "--role", "king")
        assert code == 1
        assert "Traceback" not in said
        assert "king" in said
