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

from cti_server.domain.flows.effects import Answer, Words
from cti_server.domain.phrases import phrase
from cti_server.ports import CALLER_KEYS, WAKE_DIGIT, Line, Speaker

T = TypeVar("T")

AT_ONCE = 0.005
"""Work done within this many seconds needs no word to the caller."""
TELL_AFTER = 1.2
"""Seconds of work after which the caller is told; nobody hears silence for 2 s."""
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

    @property
    def typed(self) -> deque[str]:
        return self._typed

    def forget_typed(self) -> None:
        self._typed.clear()

    async def say(self, words: Words) -> None:
        """Speak unless the caller has already typed on; a key stops it and is kept."""
        if words and not self._typed:
            self._keep(await self.line.play(await self.sounds(words)))

    async def say_phrase(self, name: str, **values: object) -> None:
        await self.say(phrase(name, self.language, **values))

    async def announce(self, words: Words) -> str:
        """Speak whatever was typed before; the key that stops it comes back ('' = heard to its end)."""
        return await self.line.play(await self.sounds(words))

    async def ask(self, words: Words, *, most: int, stop_keys: str, first_seconds: float, gap_seconds: float) -> Answer:
        """Speak, then collect keys until one of: `most` keys, a stop key, silence."""
        await self.say(words)
        keys = ""
        while len(keys) < most:
            key = await self._key(gap_seconds if keys else first_seconds)
            if not key or key in stop_keys:
                return Answer(keys, key)
            keys += key
        return Answer(keys)

    async def sounds(self, words: Words) -> list[str]:
        """Where Asterisk finds each piece. Raises SpeechUnavailable."""
        found: list[str] = []
        for piece in words:
            ready = self._speaker.ready(piece, self.language)
            found.append(ready or await self._render(piece))
        return found

    async def listen(self, seconds: float) -> str:
        """Wait for a key without asking; kept for the next question as well. WAKE_DIGIT is returned, not kept."""
        key = await self.line.wait_key(seconds)
        self._keep(key)
        return key

    async def meanwhile(self, work: Coroutine[Any, Any, T]) -> T:
        """Do `work` with the caller on the line: keys are kept, and from TELL_AFTER on he hears that we are at it."""
        task = asyncio.create_task(work)
        music = False
        try:
            await asyncio.wait({task}, timeout=AT_ONCE)
            began, slice_ = time_passed(), AT_ONCE
            while not task.done():
                if not music and began() > TELL_AFTER:
                    music = True
                    await self._hold_on()
                slice_ = min(slice_ * 2, LONGEST_SLICE)
                await self.listen(slice_)
            return task.result()
        finally:
            task.cancel()
            if music:
                await self.line.music(False)

    async def _hold_on(self) -> None:
        pieces = [self._speaker.ready(piece, self.language) for piece in phrase("one_moment", self.language)]
        if all(pieces):
            self._keep(await self.line.play([piece for piece in pieces if piece]))
        await self.line.music(True)

    async def _render(self, piece: str) -> str:
        return await self.meanwhile(self._speaker.sound(piece, self.language, within=self._render_seconds))

    async def _key(self, seconds: float) -> str:
        """The next key, typed ahead or pressed now; a late wake-up is no key."""
        if self._typed:
            return self._typed.popleft()
        key = await self.line.wait_key(seconds)
        return key if key != WAKE_DIGIT else await self.line.wait_key(seconds)

    def _keep(self, key: str) -> None:
        if key and key in CALLER_KEYS:
            self._typed.append(key)


def time_passed() -> Callable[[], float]:
    """A stopwatch on the running loop's clock, seconds."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    return lambda: loop.time() - start
