"""What the administrator's page is served by: configuration, flows, and the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from cti_server.domain.ids import Micros
from cti_server.services.audit_trail import as_csv
from cti_server.services.configuration import Configuration, Row
from cti_server.services.dialled import Dialled
from cti_server.services.flow_editor import FlowEditor
from cti_server.services.on_switch import OnSwitch

MOST_EXPORTED = 50_000


class AuditLog(Protocol):
    async def audited(
        self,
        *,
        login: str | None = None,
        action: str | None = None,
        subject: str | None = None,
        since: Micros = 0,
        until: Micros | None = None,
        below: int | None = None,
        limit: int = 100,
    ) -> Sequence[Any]: ...
    async def audited_actions(self) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Administration:
    configuration: Configuration
    flows: FlowEditor
    dialled: Dialled
    on_switch: OnSwitch
    log: AuditLog
    fallback_queue: str

    async def audited(self, **filters: Any) -> list[Row]:
        """Newest first; filters of `AuditLog.audited`."""
        return [asdict(entry) for entry in await self.log.audited(**filters)]

    async def exported(self, **filters: Any) -> str:
        """CSV of the newest MOST_EXPORTED rows."""
        return as_csv(await self.audited(**{**filters, "limit": MOST_EXPORTED}))
