"""Child processes the lab starts: they belong to no event loop (a session's fixture outlives its tests' loops), end with
us, and are stopped by their own id only."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from typing import IO, Any


class Process:
    """A child that dies with us (parent-death signal) and does not get our terminal's Ctrl-C: its owner stops it in order."""

    def __init__(
        self, command: Sequence[str], *, output: IO[Any], environment: Mapping[str, str] | None = None, user: str = ""
    ) -> None:
        become = ["--reuid", user, "--regid", user, "--init-groups"] if user else []
        self._child = subprocess.Popen(
            ["setpriv", *become, "--pdeathsig", "KILL", *command],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, env=environment,
        )  # fmt: skip

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child.poll() is None

    async def wait(self) -> int:
        """Exit status, negative for a signal."""
        if self.running:
            await _ended(self.pid)
        return self._child.wait()

    async def stop(self, patience: float, gently: signal.Signals = signal.SIGTERM) -> int:
        """Ask by signal, and SIGKILL after `patience` seconds."""
        if self.running:
            self._child.send_signal(gently)
        try:
            async with asyncio.timeout(patience):
                return await self.wait()
        except TimeoutError:
            return await self.kill()

    async def kill(self) -> int:
        if self.running:
            self._child.send_signal(signal.SIGKILL)
        return await self.wait()


async def _ended(pid: int) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    descriptor = os.pidfd_open(pid)
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def run(*command: str, user: str = "") -> tuple[int, str]:
    """Run to the end: exit status and what it printed. Ended with SIGKILL when we are cancelled."""
    with tempfile.TemporaryFile() as output:
        process = Process(command, output=output, user=user)
        try:
            status = await process.wait()
        except BaseException:
            await process.kill()
            raise
        output.seek(0)
        return status, output.read().decode(errors="replace")
