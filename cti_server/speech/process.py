"""An engine in a process of its own: started when first needed, replaced when it dies or hangs.

States: stopped → starting (deadline `start_seconds`) → idle → speaking (deadline `utterance_seconds`) → idle. Any missed
deadline, lost pipe or unreadable answer kills the process; the next wish starts a new one, but not sooner than
`hold_off_seconds` after one that could not start.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog

from cti_server.errors import SpeechUnavailable
from cti_server.speech.voices import NAMES

log = structlog.get_logger(__name__)


class _WorkerLost(Exception):
    """The process ended or answered nonsense: worth one more try with a new one."""


class SpeechProcess:
    """One worker; wishes are spoken one after the other."""

    def __init__(
        self,
        *arguments: str,
        voices: Mapping[str, str],
        start_seconds: float = 60.0,
        utterance_seconds: float = 15.0,
        hold_off_seconds: float = 5.0,
    ) -> None:
        self.voices = voices
        self._command = (sys.executable, "-m", "cti_server.speech.worker", *arguments)
        self._start_seconds = start_seconds
        self._utterance_seconds = utterance_seconds
        self._hold_off_seconds = hold_off_seconds
        self._not_before = 0.0
        self._process: Process | None = None
        self._turn = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def render(self, text: str, language: str, target: Path, margin: float) -> int:
        """Write the spoken text to `target`; returns its length in milliseconds. Raises SpeechUnavailable."""
        wish = {"text": text, "language": language, "target": str(target), "margin": margin}
        async with self._turn:
            try:
                return await self._render(wish)
            except _WorkerLost:
                log.warning("speech_worker_lost", command=self._command[-1])
            try:
                return await self._render(wish)
            except _WorkerLost as error:
                raise SpeechUnavailable("the speech engine died twice over this text") from error

    async def _render(self, wish: Mapping[str, Any]) -> int:
        process = self._process or await self._start()
        answer = await self._exchange(process, json.dumps(wish), self._utterance_seconds)
        if "millis" not in answer:
            raise SpeechUnavailable(f"the speech engine refused: {answer.get('error', 'no reason given')}")
        return int(answer["millis"])

    async def _start(self) -> Process:
        loop = asyncio.get_running_loop()
        if loop.time() < self._not_before:
            raise SpeechUnavailable("the speech engine could not start a moment ago; see the log")
        self._not_before = loop.time() + self._hold_off_seconds
        self._process = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
        try:
            greeting = await self._exchange(self._process, None, self._start_seconds)
        except _WorkerLost:
            greeting = {"error": "it ended at once"}
        if "error" in greeting:
            log.error("speech_worker_cannot_start", command=" ".join(self._command[1:]), reason=greeting["error"])
            await self.close()
            raise SpeechUnavailable(f"the speech engine does not start: {greeting['error']}")
        self._not_before = 0.0
        return self._process

    async def _exchange(self, process: Process, line: str | None, seconds: float) -> dict[str, Any]:
        """Send a line and read the answer. Whatever goes wrong, cancelling too, leaves no half-spoken process behind."""
        assert process.stdin
        assert process.stdout
        try:
            async with asyncio.timeout(seconds):
                if line is not None:
                    process.stdin.write(line.encode() + b"\n")
                    await process.stdin.drain()
                answer = json.loads(await process.stdout.readline())
        except TimeoutError:
            await self.close()
            raise SpeechUnavailable(f"the speech engine did not answer within {seconds:g} s") from None
        except (OSError, ValueError):
            await self.close()
            raise _WorkerLost from None
        except asyncio.CancelledError:
            await self.close()
            raise
        return dict(answer)

    async def close(self) -> None:
        """Kill the process, if there is one, and wait for its end."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        if process.stdin:
            process.stdin.close()
        await process.wait()


def pyttsx3_engine() -> SpeechProcess:
    """The engine that is always there."""
    return SpeechProcess("pyttsx3", voices=NAMES["pyttsx3"])


def kokoro_engine(model: Path) -> SpeechProcess:
    """Kokoro-82M from the folder `model`: 0.6–1 s of work a second of speech, so give it time."""
    return SpeechProcess("kokoro", str(model), voices=NAMES["kokoro"], utterance_seconds=120.0)
