"""What is taken up again at start, and what runs from then on: the link to the switch, the calls."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from cti_server.app.calling import Calling
from cti_server.app.ground import Ground
from cti_server.app.life import Life
from cti_server.app.pages import Pages
from cti_server.asterisk.agi.server import AgiServer
from cti_server.asterisk.queue_log import QueueLog
from cti_server.config import Settings
from cti_server.domain.facts import AlarmFact
from cti_server.domain.ids import MINUTE, Micros
from cti_server.services.calls.recovery import Recovery
from cti_server.services.calls.watch import SwitchWatch
from cti_server.services.heartbeat import Heartbeat
from cti_server.services.prompts import PromptKeeper
from cti_server.services.takeover import Takeover
from cti_server.services.unseen import LOOK, UnseenCalls

log = structlog.get_logger(__name__)
REPLAY: Micros = 36 * 60 * MINUTE
"""How much of the timeline is folded at start: a shift that began yesterday evening and today's counts."""
REPLAY_BATCH = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    recovery: Recovery
    takeover: Takeover
    unseen: UnseenCalls


async def restore(ground: Ground, calling: Calling, pages: Pages, life: Life) -> Running:
    """Fold what happened before we started; take up what was left open; the first link ends the gap."""
    settings, clock = ground.settings, ground.clock
    await _replay(ground, calling, pages)
    unseen = _unseen_calls(ground, calling)
    heartbeat = Heartbeat(settings.paths.data / "alive", ground.bus, clock)
    recovery = Recovery(calling.calls, calling.floor, ground.bus, clock)
    takeover = Takeover(
        ground.membership,
        ground.leases,
        ground.facts,
        calling.calls,
        recovery,
        calling.switch,
        ground.journal.flush,
    )
    log.info("calls_taken_up", calls=await takeover.adopt())
    calling.floor.start()
    pages.leader.control.start()
    life.callback(pages.leader.control.close)
    calling.board.start()
    life.callback(calling.board.close)
    life.keep("heartbeat", heartbeat.run())
    life.keep("takeover", takeover.run())
    for subscriber in (
        heartbeat.on_event,
        calling.floor.on_switch,
        SwitchWatch(calling.calls, calling.floor, calling.consultations).on_event,
        recovery.on_event,
        calling.consultations.on_event,
        pages.leader.listening.on_event,
    ):
        life.callback(calling.switch.subscribe(subscriber))
    await calling.callbacks.restore()
    return Running(recovery=recovery, takeover=takeover, unseen=unseen)


async def open_switch(calling: Calling, running: Running, life: Life) -> None:
    await life.enter_async_context(calling.switch)
    life.keep("unseen", running.unseen.run())
    life.keep("fallback", calling.fallback.run())


async def open_calls(settings: Settings, calling: Calling, pages: Pages, running: Running, life: Life) -> int:
    """The port callers reach us on: from here on they are served."""
    await asyncio.to_thread(calling.flows.load)
    keeper = PromptKeeper(calling.flows, calling.speaker)
    await keeper.prepare()
    life.keep("prompts", keeper.run())
    life.keep("flows", calling.flows.watch())
    life.keep("alarms", pages.leader.alarms.run())
    agi = AgiServer(settings.agi, settings.calls.node, calling.sessions.handle)
    calling.acd.expect(running.recovery.waiting())
    await agi.start()
    life.push_async_callback(agi.stop, settings.calls.drain_seconds)
    return agi.port


async def _replay(ground: Ground, calling: Calling, pages: Pages) -> None:
    since, leader = ground.clock.now() - REPLAY, pages.leader
    old = [one for one in await ground.facts.rare(0, limit=REPLAY_BATCH) if one.id < since]
    for alarms in (calling.board, leader.alarms):
        alarms.restore(one for one in old if isinstance(one.fact, AlarmFact))
    folds = (calling.floor, calling.board, leader.listening, leader.alarms, leader.control)
    while batch := await ground.facts.after(since, limit=REPLAY_BATCH):
        for fold in folds:
            fold.restore(batch)
        since = batch[-1].id


def _unseen_calls(ground: Ground, calling: Calling) -> UnseenCalls:
    """Nothing is asked of the time before the first server on this database."""
    settings, member, bus = ground.settings, ground.membership, ground.bus
    since = bus.last_id - REPLAY if bus.last_id else ground.clock.now()

    async def turn() -> bool:
        return await ground.leases.take(f"queue_log:{member.node}", member.server, member.node, LOOK * 3)

    return UnseenCalls(
        QueueLog(settings.paths.queue_log, since),
        ground.facts,
        bus,
        node=settings.calls.node,
        fallback_queue=settings.calls.fallback_queue,
        agent_of=calling.floor.of_endpoint,
        dialable=calling.customers.dialable,
        turn=turn,
    )
