"""The Speaker: recorded, else rendered before, else rendered now, else SpeechUnavailable.

    own recording → recorded prompt → pause (punctuation only) → cache → live engine within the deadline

`ready` answers from memory. A rendering belongs to a task of the speaker, not to the caller who first asked: he may hang up
or run out of time, the sound is still there for the next one. Its deadline is the engine's.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import structlog

from cti_server.clock import Clock, SystemClock
from cti_server.config import Settings
from cti_server.domain.aloud import LANGUAGES, all_pieces, is_pause
from cti_server.domain.ids import Micros
from cti_server.errors import BadSettings, CtiError, InvalidValue, SpeechUnavailable
from cti_server.speech import audio, cache, prompts
from cti_server.speech.process import kokoro_engine, pyttsx3_engine
from cti_server.speech.texts import clean, key

log = structlog.get_logger(__name__)

PRUNE_AT_ONCE = 100
"""Files deleted between two looks at everything else."""
HTTP_NAME = 120
"""Names are padded to this length in addresses: Asterisk copies the path of its cached file into a buffer as long as the
address (file.c, ast_fileexists), so a short address is fetched and then not found."""
_NAME = re.compile(r"[0-9a-z-]{1,64}")


class Engine(Protocol):
    """A live voice (process.SpeechProcess)."""

    @property
    def voices(self) -> Mapping[str, str]: ...
    async def render(self, text: str, language: str, target: Path, margin: float) -> int: ...
    async def close(self) -> None: ...


class PromptSpeaker:
    """See ports.Speaker. `load` before use; `close` at the end."""

    def __init__(
        self,
        *,
        recorded: Path,
        sounds: Path,
        engine: Engine | None,
        on_switch: str = "",
        over_http: str = "",
        most_cached: int = 20_000,
        clock: Clock | None = None,
    ) -> None:
        """`on_switch` is the folder `sounds` as Asterisk sees it; `over_http`, if given, is the address of the same."""
        self._recorded = recorded
        self._sounds = sounds
        self._engine = engine
        self._on_switch = on_switch.rstrip("/") or str(sounds.absolute())
        self._over_http = over_http.rstrip("/")
        self._names: dict[str, set[str]] = {language: set() for language in LANGUAGES}
        self._rendering: dict[cache.Name, asyncio.Task[None]] = {}
        self._most_cached = most_cached
        self._clock = clock or SystemClock()
        self._used: dict[cache.Name, Micros] = {}
        self._files_change = asyncio.Lock()

    # ---- what is there ---------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Publish the recordings and read the index; blocks. Raises SpeechUnavailable when the folder is not writable."""
        try:
            published = prompts.publish(self._recorded, self._sounds)
        except OSError as error:
            raise SpeechUnavailable(f"the sound folder {self._sounds} cannot be written: {error}") from error
        self._names = {language: set(names) for language, names in published.items()}

    async def reload(self) -> None:
        """`load` off the event loop: after recordings were added or replaced."""
        async with self._files_change:
            await asyncio.to_thread(self.load)

    def ready(self, text: str, language: str) -> str | None:
        try:
            name = self._find(clean(text), language)
        except InvalidValue:
            return None
        return self._address(language, name) if name else None

    def file(self, language: str, name: str) -> Path | None:
        """The file behind `<over_http>/<language>/<name>` (with or without suffix), for the HTTP route; None = unknown."""
        stem = name.removesuffix(audio.SUFFIX).lstrip("-")
        known = language in self._names and _NAME.fullmatch(stem) and stem in self._names[language]
        if not known:
            return None
        self._used[language, stem] = self._clock.now()
        return cache.file_of(self._sounds, (language, stem))

    def _find(self, text: str, language: str) -> str | None:
        names = self._names.get(language, frozenset[str]())
        for own in prompts.own_names(text, language):
            if own in names:
                return own
        if is_pause(text):
            return prompts.pause(text)
        return next((name for name in (key(text, language), self._cache_name(text, language)) if name in names), None)

    def _cache_name(self, text: str, language: str) -> str:
        return key(text, language, self._engine.voices[language]) if self._engine else ""

    def _address(self, language: str, name: str) -> str:
        self._used[language, name] = self._clock.now()
        if self._over_http:
            return f"{self._over_http}/{language}/{name.rjust(HTTP_NAME, '-')}{audio.SUFFIX}"
        return f"{self._on_switch}/{language}/{name}"

    # ---- what may go -----------------------------------------------------------------------------------------------

    async def prune(self) -> int:
        """Delete rendered prompts beyond the most kept; how many. Raises SpeechUnavailable when the folder does not let us."""
        async with self._files_change:
            try:
                return await self._prune()
            except OSError as error:
                raise SpeechUnavailable(f"the sound folder {self._sounds} cannot be pruned: {error}") from error

    async def _prune(self) -> int:
        used, recent = dict(self._used), self._clock.now() - cache.IN_USE
        names = await asyncio.to_thread(cache.oldest, self._sounds, self._recorded, used, self._most_cached)
        self._used = {name: at for name, at in self._used.items() if at > recent}
        gone = 0
        for place, name in enumerate(names):
            gone += self._delete(name)
            if place % PRUNE_AT_ONCE == 0:
                await asyncio.sleep(0)
        return gone

    def _delete(self, name: cache.Name) -> bool:
        """Unless it was asked for meanwhile: forgotten and deleted in one step, so that nobody is handed it between."""
        if name in self._used or name in self._rendering:
            return False
        self._names.get(name[0], set()).discard(name[1])
        cache.file_of(self._sounds, name).unlink(missing_ok=True)
        return True

    # ---- what has to be rendered -----------------------------------------------------------------------------------

    async def sound(self, text: str, language: str, *, within: float | None = None) -> str:
        """Raises InvalidValue for text that cannot be a prompt."""
        text = clean(text)
        if language not in LANGUAGES:
            raise InvalidValue(f"no voice for language {language!r}")
        if name := self._find(text, language):
            return self._address(language, name)
        name = self._cache_name(text, language)
        try:
            async with asyncio.timeout(within):
                await asyncio.shield(self._render_once(text, language, name))
        except TimeoutError:
            raise SpeechUnavailable(f"the prompt was not rendered within {within:g} s") from None
        return self._address(language, name)

    def _render_once(self, text: str, language: str, name: str) -> asyncio.Task[None]:
        task = self._rendering.get((language, name))
        if task is None:
            task = asyncio.get_running_loop().create_task(self._render(text, language, name))
            self._rendering[language, name] = task
            task.add_done_callback(lambda done: self._rendered(language, name, done))
        return task

    async def _render(self, text: str, language: str, name: str) -> None:
        if self._engine is None:
            raise SpeechUnavailable("no recording of this prompt and no live engine (speech.engine is none)")
        margin = audio.PIECE_MARGIN if text in all_pieces(language) else audio.SENTENCE_MARGIN
        target = self._sounds.absolute() / language / (name + audio.SUFFIX)
        await self._engine.render(text, language, target, margin)
        self._names[language].add(name)

    def _rendered(self, language: str, name: str, task: asyncio.Task[None]) -> None:
        """The task's end: its failure is logged here even when nobody waits any more."""
        self._rendering.pop((language, name), None)
        error = None if task.cancelled() else task.exception()
        if error and not isinstance(error, CtiError):
            log.error("prompt_rendering_failed", language=language, name=name, reason=repr(error))
        elif error:
            log.warning("prompt_not_rendered", language=language, name=name, reason=str(error))

    async def close(self) -> None:
        """Stop rendering and end the engine's process."""
        tasks = list(self._rendering.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._engine:
            await self._engine.close()


def from_settings(settings: Settings, over_http: str = "") -> PromptSpeaker:
    """The speaker as the settings want it; `over_http` is the address of the sounds route, for prompts_over=http.

    Raises BadSettings when the engine lacks its model.
    """
    speech = settings.speech
    if speech.engine == "kokoro" and speech.kokoro_model is None:
        raise BadSettings("CTI_SPEECH__ENGINE is kokoro: set CTI_SPEECH__KOKORO_MODEL to the model's folder")
    engine: Engine | None = None
    if speech.engine == "kokoro" and speech.kokoro_model:
        engine = kokoro_engine(speech.kokoro_model)
    elif speech.engine == "pyttsx3":
        engine = pyttsx3_engine()
    return PromptSpeaker(
        recorded=settings.paths.flows / "prompts",
        sounds=settings.paths.data / "sounds",
        engine=engine,
        on_switch=settings.paths.sounds_on_switch,
        over_http=over_http if speech.prompts_over == "http" else "",
        most_cached=speech.most_cached,
    )
