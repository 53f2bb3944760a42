"""A stay in Asterisk's own queue, as Asterisk's log tells it: all that is known of a caller no server of ours saw."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cti_server.domain.facts import Outcome
from cti_server.domain.ids import CallId, Micros, QueueName, uuid7


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackStay:
    """Times are micros UTC, to the second as Asterisk writes them. `endpoint` is the phone that answered, '' = none did."""

    uniqueid: str
    queue: QueueName
    caller: str
    entered: Micros
    ended: Micros
    outcome: Outcome
    answered: Micros | None = None
    endpoint: str = ""


def call_id_of_stay(node: str, stay: FallbackStay) -> CallId:
    """The same stay has the same id however often it is read."""
    digest = hashlib.sha256(f"{node}|{stay.uniqueid}|{stay.entered}".encode()).digest()
    return CallId(uuid7(stay.entered, digest[:10]))
