"""Calls that outlived us, and calls that died unseen.

At start every call the store holds open is taken up again, without a line. Once the switch is linked its channels say which
still live: those wait for their line to come back (the dialplan calls again) or go on talking; the others are closed as
`unknown`, flagged, never guessed. The same happens after every loss of the link, and with the calls of a server that died beside
us (services/takeover.py).
"""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from cti_server.bus import Bus
from cti_server.clock import Clock
from cti_server.domain.calls import CallRecord
from cti_server.domain.facts import CallTakenUp, GapRecorded, SwitchLinked, SwitchLost
from cti_server.domain.ids import ChannelRef, VisitId
from cti_server.domain.visit_records import VisitRecord
from cti_server.ports import LinkDown, LinkUp, LiveChannel, SwitchEvent, SwitchSnapshot
from cti_server.services.calls.live import LiveCall, LiveCalls, Visit
from cti_server.services.floor import Floor

log = structlog.get_logger(__name__)


class Recovery:
    def __init__(self, calls: LiveCalls, floor: Floor, bus: Bus, clock: Clock) -> None:
        self._calls, self._floor, self._bus, self._clock = calls, floor, bus, clock

    def adopt(self, records: Iterable[CallRecord]) -> int:
        """Take up calls that were open when the last server stopped; how many."""
        return len([take_up(self._calls, record) for record in records])

    def take_over(self, records: Iterable[CallRecord], of: str) -> list[LiveCall]:
        """Take up calls of another server, which is gone."""
        taken = [self._calls.get(record.call_id) or take_up(self._calls, record) for record in records]
        for live in taken:
            live.note(CallTakenUp, of=of)
        return taken

    def on_event(self, event: SwitchEvent) -> None:
        match event:
            case LinkDown(at=at, node=node):
                self._bus.record(SwitchLost(at=at, node=node))
            case LinkUp():
                self._linked(event)

    def _linked(self, event: LinkUp) -> None:
        self._bus.record(SwitchLinked(at=event.at, node=event.node, version=event.version))
        if event.lost_at is not None:
            self._bus.record(
                GapRecorded(at=self._clock.now(), what="switch_link", node=event.node, since=event.lost_at)
            )
        self.compare((live for live in self._calls if live.channel.node == event.node), event.snapshot)

    def compare(self, calls: Iterable[LiveCall], snapshot: SwitchSnapshot) -> None:
        """Bring these calls to what the switch says of their channels."""
        channels = {leg.channel.key: leg for leg in snapshot.channels}
        for live in calls:
            own = next((channels[key] for key in reversed(live.aliases) if key in channels), None)
            self._reconcile(live, own, snapshot.channels)

    def waiting(self) -> list[VisitId]:
        """Visits of callers who waited when the last server stopped and whose phone call nobody rings for."""
        return [
            live.visit.visit_id
            for live in self._calls
            if live.visit and live.waiting and not (live.attached or live.in_fallback or live.visit.offer)
        ]

    def _reconcile(self, live: LiveCall, own: LiveChannel | None, channels: Iterable[LiveChannel]) -> None:
        if own is None:
            log.info("call_ended_unseen", call=live.call_id)
            if live.attached:
                live.hung_up.set()  # its session, which is losing its line now, closes it
            else:
                live.end("unknown")
            return
        self._calls.move(live, own.channel)
        if not live.attached:
            live.in_fallback = own.application.lower() == "queue"
        self._settle_talk(live, own, channels)

    def _settle_talk(self, live: LiveCall, own: LiveChannel, channels: Iterable[LiveChannel]) -> None:
        """Who he talks with now, as the bridges stand. The end of a talk on an attached line is its session's to tell."""
        legs = [leg for leg in channels if own.bridge and leg.bridge == own.bridge and leg is not own]
        if live.dialled_by is not None:
            self._settle_dialled(live, own, legs)
            return
        if self._floor.of_endpoint(own.endpoint):
            return  # a consultation of which his own leg is what is left
        partner = next((leg for leg in legs if self._floor.of_endpoint(leg.endpoint)), None)
        agent_id = self._floor.of_endpoint(partner.endpoint) if partner else None
        if agent_id is None:
            if not own.bridge and not live.attached:
                live.talk_ended("unknown")
            return
        if live.talking_with not in (None, agent_id):
            live.talk_ended("unknown")
        if partner is not None:
            live.agent_channel = partner.channel
            live.talk_started(agent_id, None, partner.channel.name)

    def _settle_dialled(self, live: LiveCall, own: LiveChannel, legs: list[LiveChannel]) -> None:
        """Whom an agent called may have answered unseen; when, nobody knows."""
        party = next((leg for leg in legs if self._floor.of_endpoint(leg.endpoint) is None), None)
        if party is not None and live.dialled_by is not None:
            live.agent_channel = own.channel
            self._calls.move(live, party.channel)
            live.joined_by(party.channel, "party")
            live.talk_started(live.dialled_by, None, own.channel.name)


def take_up(calls: LiveCalls, record: CallRecord) -> LiveCall:
    """Go on with a call as it stands in the store: our own from before a restart, or another server's."""
    node, uniqueid = record.channels[-1] if record.channels else ("", "")
    live = calls.open(
        record.call_id,
        ChannelRef(node, uniqueid),
        caller=record.caller,
        did=record.did,
        direction=record.direction,
        language=record.language or "zh",
    )
    live.record = record
    live.aliases.extend(key for key in record.channels if key not in live.aliases)
    live.visit = _visit(record.visits[-1]) if record.visits else None
    return live


def _visit(record: VisitRecord) -> Visit:
    offer = record.offers[-1] if record.offers and record.offers[-1].result is None else None
    return Visit(
        visit_id=record.visit_id,
        queue=record.queue,
        priority=record.priority,
        entered_at=record.entered_at or record.started or 0,
        skills=record.skills,
        preferred=record.preferred,
        offer=(offer.offer_id, offer.agent_id) if offer else None,
        rang=bool(offer and offer.ringing_at),
        dialling=record.placed_by if record.outcome is None and not record.talks else None,
        connected=record.placed_by is not None,
        talking=record.talks[-1].agent_id if record.talking else None,
        held=record.talking and bool(record.talks[-1].holds) and record.talks[-1].holds[-1].ended is None,
        closed=record.outcome is not None,
    )
