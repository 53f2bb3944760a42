"""The flows in force: read from a folder, reloaded when a file changes, the old version kept where the new one has errors."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from cti_server.domain.flows.schema import Flow
from cti_server.errors import NotFound


class FlowRegistry:
    """`names_known`: queue names flows may use; None = not checked. `dids`: dialled number → `flow:language`."""

    def __init__(
        self, folder: Path, names_known: Collection[str] | None = None, dids: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.flows: Mapping[str, Flow] = {}

    def get(self, name: str) -> Flow:
        """Raises NotFound."""
        raise NotFound(f"no flow {name}")

    def for_did(self, did: str) -> tuple[Flow, str]:
        """The flow of a dialled number and the language it starts in; `*` in `dids` catches the rest. Raises NotFound."""
        raise NotFound(f"no flow for {did}")

    async def watch(self) -> None:
        """Reload changed files about every second, until cancelled."""
