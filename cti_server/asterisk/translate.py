"""AMI events → ports.SwitchEvent: one small function an event name, found in `Translator.handlers`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypedDict

import structlog

from cti_server.asterisk.ami.wire import Message
from cti_server.asterisk.tables import (
    CHANNEL_STATE,
    CONTACT_STATUS,
    DEVICE_STATE,
    DIAL_ANSWERED,
    TRANSFER_DONE,
    Phone,
    endpoint_of,
)
from cti_server.clock import Clock
from cti_server.domain.ids import SECOND, CallId, ChannelRef, Micros
from cti_server.ports import (
    ChannelAnswered,
    ChannelBridged,
    ChannelEnded,
    ChannelEvent,
    ChannelHeld,
    ChannelRinging,
    ChannelUnbridged,
    ChannelUnheld,
    ChannelUp,
    LiveChannel,
    PhoneBusy,
    PhoneReachability,
    SpyStarted,
    SwitchEvent,
    TransferDone,
)

log = structlog.get_logger(__name__)
Handler = Callable[[Message], Iterable[SwitchEvent]]

CALL_ID = "CTI_CALL_ID"
_STAMP = re.compile(r"(\d{1,12})\.(\d{6})")


class _Leg(NamedTuple):
    channel: ChannelRef
    call_id: CallId | None


class _Common(TypedDict):
    at: Micros
    node: str
    channel: ChannelRef
    call_id: CallId | None
    endpoint: str


def device_endpoint(device: str) -> str:
    """`1001` of `PJSIP/1001`, '' for queues, custom states and other technologies."""
    technology, _, name = device.partition("/")
    return name if technology == "PJSIP" else ""


def parse_stamp(text: str) -> Micros | None:
    """`1795295845.886596` in micros, exactly; None when it is no such stamp."""
    match = _STAMP.fullmatch(text)
    return int(match[1]) * SECOND + int(match[2]) if match else None


def parse_duration(text: str) -> int:
    """Seconds of `00:01:05`; 0 when it is no such text."""
    parts = text.split(":")
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        return 0
    hours, minutes, seconds = map(int, parts)
    return hours * 3600 + minutes * 60 + seconds


def call_id_of(message: Message, prefix: str = "") -> CallId | None:
    """Our id, which `channelvars=CTI_CALL_ID` puts into every channel event."""
    value = message.variables(f"{prefix}ChanVariable").get(CALL_ID, "")
    return CallId(value) if value else None


class Translator:
    """Keeps who is in which bridge, the contacts, and what was last said of each phone: a phone's state is told when it
    changes, and a transfer's new partner is found even when Asterisk names only the bridge."""

    def __init__(self, node: str, clock: Clock) -> None:
        self.node = node
        self._clock = clock
        self._contacts: dict[str, set[str]] = {}
        self._bridges: dict[str, dict[str, _Leg]] = {}
        self._reachable: dict[str, bool] = {}
        self._busy: dict[str, bool] = {}
        self.handlers: dict[str, Handler] = {
            "Newchannel": lambda m: (ChannelUp(**self._common(m)),),
            "Newstate": self._newstate,
            "DialEnd": self._dial_end,
            "BridgeEnter": self._bridge_enter,
            "BridgeLeave": self._bridge_leave,
            "Hold": lambda m: (ChannelHeld(**self._common(m)),),
            "Unhold": lambda m: (ChannelUnheld(**self._common(m)),),
            "Hangup": self._hangup,
            "ChanSpyStart": lambda m: (SpyStarted(**self._common(m, "Spyer")),),
            "BlindTransfer": self._blind_transfer,
            "AttendedTransfer": self._attended_transfer,
            "ContactStatus": self._contact_status,
            "DeviceStateChange": self._device_state,
        }

    def __call__(self, message: Message) -> Iterable[SwitchEvent]:
        handler = self.handlers.get(message.name)
        if handler is None:
            return ()
        if not message.sound:
            log.warning("ami_event_forged", event_name=message.name)
            return ()
        return handler(message)

    def forget(self) -> None:
        """The link is gone: what we knew of phones may be old."""
        self._contacts.clear()
        self._bridges.clear()
        self._reachable.clear()
        self._busy.clear()

    def ref(self, message: Message, prefix: str = "") -> ChannelRef | None:
        uniqueid = message.get(f"{prefix}Uniqueid")
        return ChannelRef(self.node, uniqueid, message.get(f"{prefix}Channel")) if uniqueid else None

    def live_channel(self, item: Message) -> LiveChannel:
        """One item of CoreShowChannels."""
        name = item.get("Channel")
        return LiveChannel(
            channel=ChannelRef(self.node, item.get("Uniqueid"), name),
            call_id=call_id_of(item),
            endpoint=endpoint_of(name),
            state=CHANNEL_STATE[item.get("ChannelStateDesc")],
            bridge=item.get("BridgeId"),
            application=item.get("Application"),
            seconds=parse_duration(item.get("Duration")),
        )

    def at(self, message: Message) -> Micros:
        stamp = parse_stamp(message.get("Timestamp"))
        return self._clock.now() if stamp is None else stamp

    def _common(self, message: Message, prefix: str = "") -> _Common:
        name = message.get(f"{prefix}Channel")
        return {
            "at": self.at(message),
            "node": self.node,
            "channel": ChannelRef(self.node, message.get(f"{prefix}Uniqueid"), name),
            "call_id": call_id_of(message, prefix),
            "endpoint": endpoint_of(name),
        }

    def _newstate(self, message: Message) -> Iterator[ChannelEvent]:
        if CHANNEL_STATE[message.get("ChannelStateDesc")] == "ringing":
            yield ChannelRinging(**self._common(message))

    def _dial_end(self, message: Message) -> Iterator[ChannelEvent]:
        if DIAL_ANSWERED[message.get("DialStatus")]:
            yield ChannelAnswered(**self._common(message, "Dest"), caller=self.ref(message))

    def _hangup(self, message: Message) -> Iterator[ChannelEvent]:
        cause = message.get("Cause")
        yield ChannelEnded(
            **self._common(message),
            cause=int(cause) if cause.isdecimal() else 0,
            cause_text=message.get("Cause-txt"),
        )

    def _blind_transfer(self, message: Message) -> Iterator[ChannelEvent]:
        if not TRANSFER_DONE[message.get("Result")] or self.ref(message, "Transferee") is None:
            log.info("transfer_failed", how="blind", result=message.get("Result"))
            return
        yield TransferDone(
            **self._common(message, "Transferee"),
            how="blind",
            by=endpoint_of(message.get("TransfererChannel")),
            extension=message.get("Extension"),
        )

    def _bridge_enter(self, message: Message) -> Iterator[ChannelEvent]:
        common, bridge = self._common(message), message.get("BridgeUniqueid")
        self._bridges.setdefault(bridge, {})[common["channel"].uniqueid] = _Leg(common["channel"], common["call_id"])
        yield ChannelBridged(**common, bridge=bridge)

    def _bridge_leave(self, message: Message) -> Iterator[ChannelEvent]:
        common, bridge = self._common(message), message.get("BridgeUniqueid")
        legs = self._bridges.get(bridge, {})
        legs.pop(common["channel"].uniqueid, None)
        if not legs:
            self._bridges.pop(bridge, None)
        yield ChannelUnbridged(**common, bridge=bridge)

    def _attended_transfer(self, message: Message) -> Iterator[ChannelEvent]:
        if not TRANSFER_DONE[message.get("Result")]:
            log.info("transfer_failed", how="attended", result=message.get("Result"))
            return
        # Asterisk names no transferee when the agent left several at once (a conference): his own leg stands for the call.
        moved = "Transferee" if self.ref(message, "Transferee") else "OrigTransferer"
        partner = self._partner(message)
        in_application = message.get("DestType") == "App"
        yield TransferDone(
            **self._common(message, moved),
            how="joined" if message.get("DestType") == "Threeway" else "attended",
            by=endpoint_of(message.get("OrigTransfererChannel")),
            target=partner.channel if partner else None,
            target_endpoint=endpoint_of(partner.channel.name) if partner and not in_application else "",
            consult_call_id=partner.call_id if partner else None,
        )

    def _partner(self, message: Message) -> _Leg | None:
        """Asterisk names the new partner (two calls of the phone joined by REFER); or the consulted line still sits in an
        application and the transferer's second channel stands for it; or (Atxfer) only the bridge is named."""
        if message.get("DestType") == "App":
            return self._leg(message, "SecondTransferer")
        if message.get("TransferTargetUniqueid"):
            return self._leg(message, "TransferTarget")
        known = {message.get(f"{who}Uniqueid") for who in ("Transferee", "OrigTransferer", "SecondTransferer")}
        legs = self._bridges.get(message.get("DestBridgeUniqueid"), {})
        return next((leg for uniqueid, leg in legs.items() if uniqueid not in known), None)

    def _leg(self, message: Message, prefix: str) -> _Leg | None:
        channel = self.ref(message, prefix)
        return _Leg(channel, call_id_of(message, prefix)) if channel else None

    def _contact_status(self, message: Message) -> Iterator[SwitchEvent]:
        endpoint, uri = message.get("EndpointName"), message.get("URI")
        up = CONTACT_STATUS[message.get("ContactStatus")]
        contacts = self._contacts.setdefault(endpoint, set())
        if up:
            contacts.add(uri)
            yield from self._phone(message, endpoint, Phone(True, None))
        elif up is False and uri in contacts:
            contacts.remove(uri)
            if not contacts:
                yield from self._phone(message, endpoint, Phone(False, None))

    def _device_state(self, message: Message) -> Iterator[SwitchEvent]:
        endpoint = device_endpoint(message.get("Device"))
        if endpoint:
            yield from self._phone(message, endpoint, DEVICE_STATE[message.get("State")])

    def _phone(self, message: Message, endpoint: str, phone: Phone) -> Iterator[SwitchEvent]:
        if phone.reachable is not None and self._reachable.get(endpoint) is not phone.reachable:
            self._reachable[endpoint] = phone.reachable
            yield PhoneReachability(at=self.at(message), node=self.node, endpoint=endpoint, reachable=phone.reachable)
        if phone.busy is not None and self._busy.get(endpoint) is not phone.busy:
            self._busy[endpoint] = phone.busy
            yield PhoneBusy(at=self.at(message), node=self.node, endpoint=endpoint, busy=phone.busy)
