"""State of the switch after a login: lists from Asterisk, merged with the events that came while they were read.

The lists are no snapshot: a channel may come or go between two of them. So every event since login is applied on top;
each application is idempotent, hence it does not matter on which side of a list an event fell.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cti_server.asterisk.ami.wire import Message
from cti_server.asterisk.tables import DEVICE_STATE
from cti_server.asterisk.translate import device_endpoint
from cti_server.ports import (
    ChannelAnswered,
    ChannelBridged,
    ChannelEnded,
    ChannelEvent,
    ChannelRinging,
    ChannelUnbridged,
    ChannelUp,
    LiveChannel,
    PhoneBusy,
    PhoneReachability,
    SwitchEvent,
    SwitchSnapshot,
)

IN_CALL_REACHABLE = True
"""A phone found in a call counts as reachable: it has media; a lost contact shows when the call ends."""


def phones(states: Iterable[Message]) -> tuple[frozenset[str], frozenset[str]]:
    """(reachable, busy) endpoints of a DeviceStateList."""
    reachable, busy = set(), set()
    for item in states:
        endpoint = device_endpoint(item.get("Device"))
        phone = DEVICE_STATE[item.get("State")] if endpoint else None
        if phone is not None and (phone.reachable or (phone.reachable is None and phone.busy)):
            reachable.add(endpoint)
        if phone is not None and phone.busy:
            busy.add(endpoint)
    return frozenset(reachable), frozenset(busy)


def merge(snapshot: SwitchSnapshot, events: Iterable[SwitchEvent]) -> SwitchSnapshot:
    """The snapshot as it stands after `events`."""
    channels = {live.channel.key: live for live in snapshot.channels}
    reachable, busy = set(snapshot.reachable), set(snapshot.busy)
    for event in events:
        if isinstance(event, ChannelEvent):
            _merge_channel(channels, event)
        elif isinstance(event, PhoneReachability):
            _put(reachable, event.endpoint, event.reachable)
        elif isinstance(event, PhoneBusy):
            _put(busy, event.endpoint, event.busy)
    return SwitchSnapshot(tuple(channels.values()), frozenset(reachable), frozenset(busy))


def _put(names: set[str], name: str, present: bool) -> None:
    if present:
        names.add(name)
    else:
        names.discard(name)


def _merge_channel(channels: dict[tuple[str, str], LiveChannel], event: ChannelEvent) -> None:
    key = event.channel.key
    if isinstance(event, ChannelEnded):
        channels.pop(key, None)
    elif isinstance(event, ChannelUp):
        channels.setdefault(key, LiveChannel(event.channel, event.call_id, event.endpoint, "down", "", "", 0))
    elif key in channels:
        channels[key] = _changed(channels[key], event)


def _changed(live: LiveChannel, event: ChannelEvent) -> LiveChannel:
    live = replace(live, call_id=event.call_id or live.call_id)
    if isinstance(event, ChannelBridged):
        return replace(live, bridge=event.bridge)
    if isinstance(event, ChannelUnbridged):
        return replace(live, bridge="" if live.bridge == event.bridge else live.bridge)
    if isinstance(event, ChannelAnswered):
        return replace(live, state="up")
    if isinstance(event, ChannelRinging) and live.state != "up":
        return replace(live, state="ringing")
    return live
