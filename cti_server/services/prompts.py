"""Every static text of the flows and of the system is ready before a caller needs it: at start and after each reload. Once a
round what was rendered for single callers and not used for long is pruned; static texts count as used then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import suppress

import structlog

from cti_server.domain.flows.schema import Flow
from cti_server.domain.flows.texts import texts
from cti_server.domain.phrases import phrase_texts
from cti_server.errors import CtiError
from cti_server.ports import Speaker
from cti_server.services.flows import FlowRegistry

log = structlog.get_logger(__name__)
ROUND = 1800.0


class PromptKeeper:
    """Renders what is not recorded. A text that cannot be rendered is logged; its caller gets a person instead."""

    def __init__(self, flows: FlowRegistry, speaker: Speaker) -> None:
        self._flows, self._speaker = flows, speaker
        self._changed = asyncio.Event()

    async def prepare(self) -> int:
        """Render all that is missing now; how many were."""
        missing = [
            (language, text)
            for language, text in wanted(self._flows.flows)
            if self._speaker.ready(text, language) is None
        ]
        for language, text in missing:
            try:
                await self._speaker.sound(text, language)
            except CtiError as error:
                log.error("prompt_not_ready", language=language, text=text[:60], error=str(error))
        return len(missing)

    async def run(self) -> None:
        """After every reload of the flows and once every ROUND seconds, until cancelled."""
        undo = self._flows.subscribe(lambda _: self._changed.set())
        try:
            while True:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), ROUND)
                self._changed.clear()
                log.info("prompts_rendered", count=await self.prepare())
                await self._prune()
        finally:
            undo()

    async def _prune(self) -> None:
        try:
            if gone := await self._speaker.prune():
                log.info("prompts_pruned", count=gone)
        except CtiError as error:
            log.error("prompts_not_pruned", error=str(error))


def wanted(flows: Mapping[str, Flow]) -> Iterator[tuple[str, str]]:
    """(language, text) of everything static, each once."""
    seen: set[tuple[str, str]] = set()
    for flow in flows.values():
        spoken = {language: set(found) | phrase_texts(language) for language, found in texts(flow).items()}
        for language, found in spoken.items():
            for text in sorted(found):
                if (language, text) not in seen:
                    seen.add((language, text))
                    yield language, text
