"""A lease: a name one holder has until a time, unless he renews it."""

from __future__ import annotations

from dataclasses import dataclass

from cti_server.domain.ids import Micros


@dataclass(frozen=True, slots=True)
class Lease:
    """`node` is the Asterisk its holder serves; `lapsed` as the clock of the leases' keeper has it."""

    name: str
    holder: str
    node: str
    renewed_at: Micros
    expires_at: Micros
    lapsed: bool
