"""Speaking to a caller: words → sounds → the line, with barge-in and type-ahead, and never silence.

Policy: a key ends any prompt and is kept for the next question (type-ahead, bounded). Words that are recorded play at once.
Words that must be rendered get `render_seconds` while the caller hears music; when they cannot be had, SpeechUnavailable is
raised and the session takes the caller to a person.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from cti_server.domain.flows.effects import Answer, Ask, Words
from cti_server.domain.phrases import phrase
from cti_server.ports import CALLER_KEYS, Line, Speaker

T = TypeVar("T")
NOTHING: tuple[str, float] = ("", 0.0)

AT_ONCE = 0.005
"""Work done within this many seconds needs no word to the caller."""
TELL_AFTER = 1.2
"""Seconds of silence after which a caller whose work goes on is told; nobody hears silence for 2 s."""
TELL_LEAST = 0.25
"""... but not about work shorter than this, however long it was quiet before."""
OTHERS_SOUND = 3.0
"""Silence we would have ended before; a longer one was none: the queue's music or a talk."""
LONGEST_SLICE = 0.25
TYPE_AHEAD = 64
"""Keys kept for later questions; a caller who types more is not typing ahead."""


class Voice:
    """One caller's ear and fingers."""

    def __init__(self, line: Line, speaker: Speaker, *, language: str, render_seconds: float) -> None:
        self.line = line
        self.language = language
        self._speaker = speaker
        self._render_seconds = render_seconds
        self._typed: deque[str] = deque(maxlen=TYPE_AHEAD)
        self._quiet_since = 0.0
        """Loop time of the last sound or key."""
        self._ignore = NOTHING
        """Stop keys that still belong to the last input, and until when (loop time)."""

    def forget_typed(self) -> None:
        self._typed.clear()

    async def say(self, words: Words) -> None:
        """Speak unless the caller has already typed on; a key stops it and is kept. One that still belongs to the last input
        does not count: what it stopped is said again."""
        if not words or self._typed:
            return
        sounds = await self.sounds(words)
        while self._is_late(key := await self._play(sounds)):
            self._ignore = NOTHING
        self._keep(key)

    async def say_phrase(self, name: str, **values: object) -> None:
        await self.say(phrase(name, self.language, **values))

    async def announce(self, words: Words) -> str:
        """Speak whatever was typed before; the key that stops it comes back ('' = heard to its end)."""
        return await self._play(await self.sounds(words))

    async def ask(self, question: Ask) -> Answer:
        """Speak, then collect keys until there are enough, a stop key, or silence (see effects.Ask)."""
        if question.fresh:
            self.forget_typed()
        await self.say(question.words)
        keys = ""
        while len(keys) < question.most:
            key = await self._key(_patience(question, keys))
            if not key or key in question.stop_keys:
                return Answer(keys, key)
            keys += key
        self._ignore = (question.stop_keys, asyncio.get_running_loop().time() + question.tail_seconds)
        return Answer(keys)

    async def sounds(self, words: Words) -> list[str]:
        """Where Asterisk finds each piece. Raises SpeechUnavailable."""
        found: list[str] = []
        for piece in words:
            ready = self._speaker.ready(piece, self.language)
            found.append(ready or await self._render(piece))
        return found

    async def listen(self, seconds: float) -> str:
        """Wait for any key, wake-ups too; a caller's key goes to the type-ahead."""
        key = await self.line.wait_key(seconds)
        self._keep(key)
        return key

    async def meanwhile(self, work: Coroutine[Any, Any, T]) -> T:
        """Do `work` with the caller on the line: keys are kept, and from TELL_AFTER on he hears that we are at it."""
        task = asyncio.create_task(work)
        music = False
        try:
            await asyncio.wait({task}, timeout=AT_ONCE)
            worked, quiet, slice_ = time_passed(), self._quiet(), AT_ONCE
            while not task.done():
                if not music and worked() > TELL_LEAST and worked() + quiet > TELL_AFTER:
                    music = True
                    await self._hold_on()
                slice_ = min(slice_ * 2, LONGEST_SLICE)
                await self.listen(slice_)
            return task.result()
        finally:
            task.cancel()
            if music:
                await self.line.music(False)
                self._quiet_since = asyncio.get_running_loop().time()

    async def _play(self, sounds: list[str]) -> str:
        key = await self.line.play(sounds)
        self._quiet_since = asyncio.get_running_loop().time()
        return key

    def _quiet(self) -> float:
        """Seconds the caller has heard nothing: steps of work one after the other add up."""
        quiet = asyncio.get_running_loop().time() - self._quiet_since
        return quiet if quiet < OTHERS_SOUND else 0.0

    async def _hold_on(self) -> None:
        pieces = [self._speaker.ready(piece, self.language) for piece in phrase("one_moment", self.language)]
        if all(pieces):
            self._keep(await self._play([piece for piece in pieces if piece]))
        await self.line.music(True)

    async def _render(self, piece: str) -> str:
        return await self.meanwhile(self._speaker.sound(piece, self.language, within=self._render_seconds))

    async def _key(self, seconds: float) -> str:
        """The next key, typed ahead or pressed now; wake-ups and keys that end the last input are none."""
        waited = time_passed()
        while not self._typed:
            left = seconds - waited()
            if left <= 0 or not await self.listen(left):
                return ""
        return self._typed.popleft()

    def _keep(self, key: str) -> None:
        """Into the type-ahead. A habitual # just after a full number belongs to that number."""
        late = self._is_late(key)
        if key and key in CALLER_KEYS:
            self._ignore = NOTHING
            self._quiet_since = asyncio.get_running_loop().time()
            if not late:
                self._typed.append(key)

    def _is_late(self, key: str) -> bool:
        late_stop, until = self._ignore
        return bool(key) and key in late_stop and asyncio.get_running_loop().time() < until


def _patience(question: Ask, keys: str) -> float:
    """Seconds to wait for the next key."""
    if not keys:
        return question.first_seconds
    return (
        min(question.gap_seconds, question.alone_seconds)
        if len(keys) == 1 and keys in question.alone
        else question.gap_seconds
    )


def time_passed() -> Callable[[], float]:
    """A stopwatch on the running loop's clock, seconds."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    return lambda: loop.time() - start
