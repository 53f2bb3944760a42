"""All that decides about calls and agents, made of configuration read from the database; nothing runs yet."""

from __future__ import annotations

from dataclasses import dataclass

from cti_server.app.ground import Ground
from cti_server.app.life import Life
from cti_server.asterisk.switch import AmiSwitch
from cti_server.config import Settings
from cti_server.domain.queues import check
from cti_server.domain.routing import Router
from cti_server.services.acd import Acd
from cti_server.services.board import BoardService
from cti_server.services.callbacks import CallbackService
from cti_server.services.calls.consulting import Consultations
from cti_server.services.calls.live import LiveCalls
from cti_server.services.calls.parts import Parts, Recordings
from cti_server.services.calls.placing import Placing
from cti_server.services.calls.session import Sessions
from cti_server.services.calls.targets import Targets
from cti_server.services.customers import Customers
from cti_server.services.dialled import SETTING as DIDS
from cti_server.services.fallback import FallbackKeeper
from cti_server.services.floor import Floor
from cti_server.services.flows import FlowRegistry
from cti_server.services.lookups.customers import CustomerLookup
from cti_server.services.lookups.notices import NoticeFile
from cti_server.services.lookups.registry import Lookups
from cti_server.services.outside import Outside
from cti_server.speech.speaker import PromptSpeaker
from cti_server.storage.accounts import SqlAccounts
from cti_server.storage.configuration import SqlConfiguration
from cti_server.storage.customers import SqlCustomers
from cti_server.storage.pins import PinHasher, pin_key
from cti_server.storage.setup import SqlSetup
from cti_server.storage.tickets import SqlTickets


@dataclass(frozen=True, slots=True, kw_only=True)
class Calling:
    config: SqlConfiguration
    speaker: PromptSpeaker
    switch: AmiSwitch
    calls: LiveCalls
    acd: Acd
    floor: Floor
    fallback: FallbackKeeper
    flows: FlowRegistry
    board: BoardService
    tickets: SqlTickets
    files: SqlCustomers
    customers: Customers
    lookups: Lookups
    outside: Outside
    targets: Targets
    callbacks: CallbackService
    consultations: Consultations
    placing: Placing
    parts: Parts
    sessions: Sessions


async def build_calling(ground: Ground, speaker: PromptSpeaker, life: Life) -> Calling:
    """Raises BadSettings, InvalidValue for a configuration that cannot be served."""
    settings, clock, database, bus = ground.settings, ground.clock, ground.database, ground.bus
    wanted = settings.calls
    config, told = SqlConfiguration(database), bus.record
    tickets, files = SqlTickets(database, clock, told), SqlCustomers(database, clock, told)
    queues = {queue.name: queue for queue in await config.queues()}
    check(queues)
    agents = await config.agents()
    flows = FlowRegistry(settings.paths.flows, queues, await config.setting(DIDS, wanted.dids))
    outside = Outside(wanted.outgoing_allowed, wanted.country)
    outside.replace((await SqlSetup(database).read()).outside_numbers)
    switch = AmiSwitch(settings.ami, wanted.node, clock)
    calls = LiveCalls(bus, clock)
    acd = Acd(Router(queues), queues, wanted.fallback_queue, switch, bus, clock)
    floor = Floor(agents, queues, acd, bus, clock)
    targets = Targets(queues, floor, wanted.trunk, outside)
    customers = Customers(files, wanted.country)
    callbacks = CallbackService(calls, acd, switch, tickets, targets, bus, clock, wanted)
    consultations = Consultations(calls, floor, switch, bus, clock)
    placing = Placing(calls, floor, targets, customers, switch, bus, clock, wanted)
    for part in (acd, floor, callbacks, consultations, placing):
        life.callback(part.close)
    lookups = _lookups(ground, files)
    life.push_async_callback(lookups.close)
    parts = Parts(
        settings=wanted,
        render_seconds=settings.speech.render_seconds,
        bus=bus,
        clock=clock,
        calls=calls,
        acd=acd,
        floor=floor,
        flows=flows,
        customers=customers,
        lookups=lookups,
        tickets=tickets,
        speaker=speaker,
        switch=switch,
        recordings=_recordings(settings),
        callbacks=callbacks,
        targets=targets,
        placing=placing,
        consultations=consultations,
        archive=ground.facts,
    )
    return Calling(
        config=config,
        speaker=speaker,
        switch=switch,
        calls=calls,
        acd=acd,
        floor=floor,
        fallback=FallbackKeeper(floor, switch, bus),
        flows=flows,
        board=BoardService(floor, calls, switch, queues, bus, clock, wanted.time_zone),
        tickets=tickets,
        files=files,
        customers=customers,
        lookups=lookups,
        outside=outside,
        targets=targets,
        callbacks=callbacks,
        consultations=consultations,
        placing=placing,
        parts=parts,
        sessions=Sessions(parts),
    )


def _lookups(ground: Ground, files: SqlCustomers) -> Lookups:
    settings, clock = ground.settings, ground.clock
    pins = PinHasher(pin_key(settings.paths.data / "pin.key"))
    notices = NoticeFile(settings.paths.flows / "notices.yaml", clock)
    own = CustomerLookup(SqlAccounts(ground.database, clock, pins), files, clock, notices)
    return Lookups.load(settings.paths.flows / "lookups.yaml", own, clock)


def _recordings(settings: Settings) -> Recordings:
    ours = settings.paths.recordings.absolute()
    return Recordings(ours, settings.paths.recordings_on_switch or ours)
