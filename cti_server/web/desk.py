"""What the web layer needs from the services: one Protocol, answered with JSON types only.

Shapes are the models of `cti_server.web.wire`; an answer that does not fit is our fault and becomes `internal`.
Every method raises errors of cti_server/errors.py; `by` is the login of whoever asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, Literal, Protocol

from cti_server.domain.board import Key

TransferHow = Literal["blind", "attended"]
ConsultStep = Literal["complete", "join", "swap", "cancel"]


class Desk(Protocol):
    def board(self) -> dict[str, Any]:
        """Queues, agents and calls of this moment (`wire.Board`), as of every fact recorded so far."""
        ...

    def board_rows(self, keys: Iterable[Key]) -> dict[str, Any]:
        """These rows as they are now (`wire.BoardRows`); those that are no more stand in `gone`."""
        ...

    def watch_board(self, watcher: Callable[[Collection[Key]], None]) -> Callable[[], None]:
        """Tell `watcher` the keys of rows as they change; returns the undo."""
        ...

    def agent(self, agent_id: str) -> dict[str, Any]:
        """The agent's own state (`wire.Me`). Raises NotFound."""
        ...

    def pause_codes(self) -> list[dict[str, Any]]:
        """Reasons an agent may pause with (`wire.PauseCode`)."""
        ...

    async def sign_in(self, agent_id: str, by: str) -> None: ...
    async def sign_out(self, agent_id: str, by: str) -> None: ...
    async def ready(self, agent_id: str, by: str) -> None: ...
    async def pause(self, agent_id: str, reason: str, by: str) -> None: ...
    async def end_wrap_up(self, agent_id: str, by: str) -> None: ...
    async def extend_wrap_up(self, agent_id: str, by: str) -> None: ...
    async def reject_offer(self, agent_id: str) -> None: ...
    async def hang_up(self, agent_id: str) -> None: ...
    async def transfer(self, agent_id: str, target: str, how: TransferHow) -> None:
        """`target` is a queue name, an agent id or a number."""
        ...

    async def phone_cut(self, agent_id: str) -> None:
        """The page goes away in the middle of a talk on its softphone."""
        ...

    async def consult(self, agent_id: str, step: ConsultStep) -> None: ...
    async def pop(self, agent_id: str) -> dict[str, Any] | None:
        """Who is calling (`wire.Pop`), for the offer, talk or wrap-up of this moment; None when there is none."""
        ...

    async def call_back(self, agent_id: str, ticket_id: str) -> None: ...
    async def place_call(self, agent_id: str, number: str, *, in_page: bool = False) -> None: ...
    async def call(self, call_id: str) -> dict[str, Any]:
        """Record and timeline (`wire.CallRecord`). Raises NotFound."""
        ...

    async def calls(
        self, *, agent_id: str | None, number: str | None, queue: str | None, since: int | None, limit: int
    ) -> list[dict[str, Any]]:
        """Calls newest first (`wire.CallRow`). `since` is micros UTC; None = no such filter."""
        ...

    async def history(self, number: str, limit: int) -> list[dict[str, Any]]:
        """Calls of one number, newest first (`wire.CallRow`)."""
        ...

    async def customers(self, text: str, limit: int) -> list[dict[str, Any]]:
        """Customers by number, name, account or address (`wire.CustomerRow`)."""
        ...

    async def customer(self, customer_id: str) -> dict[str, Any]:
        """One customer with accounts, open orders and last contacts (`wire.CustomerCard`). Raises NotFound."""
        ...
