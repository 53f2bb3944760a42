"""Which flow a dialled number starts, and in which language, as an administrator sets it.

The setting calls.dids holds until numbers are saved here; from then on the database does.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping

from cti_server.clock import Clock
from cti_server.domain.setup import refuse
from cti_server.domain.wrong import Wrong, wrong
from cti_server.errors import Conflict
from cti_server.services.configuration import By, Row, SetupStore, digest
from cti_server.services.flows import FlowRegistry, leads_to_flow

SETTING = "dids"
MOST_NUMBERS = 500
_DID = re.compile(r"\*|\+?[0-9]{1,20}")


class Dialled:
    """Raises InvalidValue (a field is a number), Conflict and StorageUnavailable."""

    def __init__(self, registry: FlowRegistry, store: SetupStore, clock: Clock) -> None:
        self._registry, self._store, self._clock = registry, store, clock
        self._one_by_one = asyncio.Lock()

    def now(self) -> Row:
        dids = dict(self._registry.dids)
        return {"dids": dids, "seen": digest(dids)}

    async def save(self, dids: Mapping[str, str], seen: str, by: By) -> Row:
        """All numbers at once; calls that arrive from now on go by them."""
        async with self._one_by_one:
            before, after = self.now(), dict(dids)
            if before["seen"] != seen:
                raise Conflict("somebody changed the numbers meanwhile", reason="changed", now=before, by="", at=None)
            refuse(self._problems(after))
            async with self._store.change() as change:
                await change.put_setting(SETTING, after)
                await change.audit(
                    self._clock.now(),
                    by.login,
                    by.address,
                    "dids_saved",
                    "",
                    before["dids"],
                    dict(sorted(after.items())),
                )
            self._registry.dids = after
            await self._registry.refresh(anyway=True)
        return self.now()

    def _problems(self, dids: Mapping[str, str]) -> Iterator[tuple[str, Wrong]]:
        if len(dids) > MOST_NUMBERS:
            yield "dids", wrong("too_many", most=MOST_NUMBERS)
        for number, target in dids.items():
            if not _DID.fullmatch(number):
                yield number, wrong("did_form")
            elif not leads_to_flow(target, self._registry.flows):
                yield number, wrong("did_nowhere", number=number, to=target)
