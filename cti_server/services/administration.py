"""What the administrator's page is served by: configuration, flows, and the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from cti_server.domain.ids import Micros
from cti_server.services.configuration import Configuration, Row
from cti_server.services.flow_editor import FlowEditor


class AuditLog(Protocol):
    async def audited(
        self,
        *,
        login: str | None = None,
        action: str | None = None,
        subject: str | None = None,
        since: Micros = 0,
        until: Micros | None = None,
        limit: int = 100,
    ) -> Sequence[Any]: ...


@dataclass(frozen=True, slots=True)
class Administration:
    configuration: Configuration
    flows: FlowEditor
    log: AuditLog
    fallback_queue: str

    async def audited(self, **filters: Any) -> list[Row]:
        """Newest first; filters of `AuditLog.audited`."""
        return [asdict(entry) for entry in await self.log.audited(**filters)]
