"""All that the people at their screens ask for: agents, shift leaders, administrators."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from argon2 import PasswordHasher

from cti_server.app.calling import Calling
from cti_server.app.ground import Ground
from cti_server.app.life import Life
from cti_server.asterisk.conf import agent_phones
from cti_server.domain.board import day_of
from cti_server.domain.calendar import is_open
from cti_server.domain.ids import Micros, QueueName
from cti_server.domain.setup import Around
from cti_server.services.administration import Administration
from cti_server.services.alarms import Alarms
from cti_server.services.announcements import Announcements
from cti_server.services.configuration import Configuration
from cti_server.services.customer_files import CustomerFiles
from cti_server.services.desk import DeskService
from cti_server.services.dialled import Dialled
from cti_server.services.flow_editor import FlowEditor
from cti_server.services.leader import LeaderService
from cti_server.services.listening import Listening
from cti_server.services.on_switch import OnSwitch
from cti_server.services.page_links import PageLinks
from cti_server.services.phones import Phones
from cti_server.services.running import Running
from cti_server.services.work import WorkService
from cti_server.storage.announcements import SqlAnnouncements
from cti_server.storage.passwords import Hasher
from cti_server.storage.setup import SqlSetup
from cti_server.storage.timeline import SqlTimeline
from cti_server.storage.users import SqlUsers
from cti_server.storage.work import SqlNotes
from cti_server.web.leader import Leader


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    desk: DeskService
    phones: Phones
    work: WorkService
    leader: Leader
    administration: Administration
    users: SqlUsers


async def build_pages(ground: Ground, calling: Calling, life: Life) -> Pages:
    desk = await _desk(ground, calling)
    links = PageLinks(desk.phone_cut, desk.phone_sounds, ground.settings.phones.lost_seconds)
    life.callback(links.close)
    phones = Phones(calling.floor, calling.config, ground.settings.phones.secrets, calling.outside, links)
    await phones.restore()
    configuration = _configuration(ground, calling, desk)
    leader = _leader(ground, calling, configuration)
    await leader.alarms.load()
    users = SqlUsers(ground.database)
    return Pages(
        desk=desk,
        phones=phones,
        work=_work(ground, calling),
        leader=leader,
        administration=_administration(ground, calling, configuration, phones, users),
        users=users,
    )


async def _desk(ground: Ground, calling: Calling) -> DeskService:
    return DeskService(
        floor=calling.floor,
        calls=calling.calls,
        callbacks=calling.callbacks,
        targets=calling.targets,
        placing=calling.placing,
        switch=calling.switch,
        archive=ground.facts,
        files=calling.customers,
        board=calling.board,
        pause_codes=await calling.config.pause_codes(),
        consultations=calling.consultations,
        choice_texts=calling.flows.choice_texts,
    )


def _work(ground: Ground, calling: Calling) -> WorkService:
    clock = ground.clock
    return WorkService(
        bus=ground.bus,
        clock=clock,
        floor=calling.floor,
        calls=calling.calls,
        archive=ground.facts,
        acd=calling.acd,
        notes=SqlNotes(ground.database, clock),
        tickets=calling.tickets,
        files=calling.files,
        customers=calling.customers,
        codes=calling.config,
        callbacks=calling.callbacks,
        outside=calling.outside,
        priority=calling.parts.priority,
        time_zone=ground.settings.calls.time_zone,
        book=CustomerFiles(
            files=calling.files,
            timeline=SqlTimeline(ground.database),
            tickets=calling.tickets,
            customers=calling.customers,
            callbacks=calling.callbacks,
            outside=calling.outside,
            name_of=calling.floor.name_of,
            choice_texts=calling.flows.choice_texts,
            clock=clock,
        ),
    )


def _leader(ground: Ground, calling: Calling, configuration: Configuration) -> Leader:
    wanted, clock, bus, floor = ground.settings.calls, ground.clock, ground.bus, calling.floor

    def on_duty(name: QueueName, at: Micros) -> bool:
        """Without opening hours a queue is always open."""
        queue = calling.acd.queues.get(name)
        calendar = calling.flows.calendars.get(queue.calendar or "") if queue else None
        return wanted.hours == "always" or calendar is None or is_open(calendar, at, wanted.time_zone).open

    return Leader(
        control=LeaderService(floor, calling.acd, calling.calls, configuration, bus),
        listening=Listening(floor, calling.calls, calling.switch, bus, clock, told=wanted.tell_listening),
        announcements=Announcements(floor, SqlAnnouncements(ground.database), bus, clock),
        alarms=Alarms(calling.board.queues, calling.config, on_duty, bus, clock),
        rare=ground.facts.rare,
        day_start=lambda at: day_of(at, ZoneInfo(wanted.time_zone))[0],
        skills=calling.config.skills,
    )


def _configuration(ground: Ground, calling: Calling, desk: DeskService) -> Configuration:
    flows, fallback = calling.flows, ground.settings.calls.fallback_queue

    def around() -> Around:
        return Around(fallback_queue=fallback, calendars=frozenset(flows.calendars), flows=flows.flows)

    running = Running(calling.acd, calling.floor, calling.board, desk, calling.fallback, calling.outside, flows)
    return Configuration(SqlSetup(ground.database), running, around, Hasher(PasswordHasher()), ground.clock)


def _administration(
    ground: Ground, calling: Calling, configuration: Configuration, phones: Phones, users: SqlUsers
) -> Administration:
    store, flows, clock, wanted = SqlSetup(ground.database), calling.flows, ground.clock, ground.settings.calls
    return Administration(
        configuration,
        FlowEditor(flows, store, calling.speaker, clock, wanted.time_zone),
        Dialled(flows, store, clock),
        OnSwitch(calling.switch, store, phones, agent_phones, calling.fallback.compare),
        users,
        wanted.fallback_queue,
    )
