"""The composition root: the only file that knows every layer. Start order is the order of `Server.start`, stop order its
reverse; every task lives in the one TaskGroup-like set of `Server`.
"""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any, Self
from zoneinfo import ZoneInfo

import structlog
from aiohttp import web
from argon2 import PasswordHasher

from cti_server import __version__
from cti_server.asterisk.agi.server import AgiServer
from cti_server.asterisk.queue_log import QueueLog
from cti_server.asterisk.switch import AmiSwitch
from cti_server.bus import Bus
from cti_server.clock import Clock, SystemClock
from cti_server.config import Settings
from cti_server.domain.board import day_of
from cti_server.domain.calendar import is_open
from cti_server.domain.facts import AlarmFact, GapRecorded
from cti_server.domain.ids import MINUTE, Micros, QueueName
from cti_server.domain.queues import check
from cti_server.domain.routing import Router
from cti_server.domain.setup import Around
from cti_server.errors import BadSettings, StorageUnavailable
from cti_server.services.acd import Acd
from cti_server.services.administration import Administration
from cti_server.services.alarms import Alarms
from cti_server.services.announcements import Announcements
from cti_server.services.board import BoardService
from cti_server.services.callbacks import CallbackService
from cti_server.services.calls.consulting import Consultations
from cti_server.services.calls.live import LiveCalls
from cti_server.services.calls.parts import Parts, Recordings
from cti_server.services.calls.placing import Placing
from cti_server.services.calls.recovery import Recovery
from cti_server.services.calls.session import Sessions
from cti_server.services.calls.targets import Targets
from cti_server.services.calls.watch import SwitchWatch
from cti_server.services.configuration import Configuration
from cti_server.services.customer_files import CustomerFiles
from cti_server.services.customers import Customers
from cti_server.services.desk import DeskService
from cti_server.services.dialled import SETTING as DIDS
from cti_server.services.dialled import Dialled
from cti_server.services.fallback import FallbackKeeper
from cti_server.services.floor import Floor
from cti_server.services.flow_editor import FlowEditor
from cti_server.services.flows import FlowRegistry
from cti_server.services.guide import Guide
from cti_server.services.heartbeat import Heartbeat
from cti_server.services.journal import Journal
from cti_server.services.leader import LeaderService
from cti_server.services.listening import Listening
from cti_server.services.lookups.customers import CustomerLookup
from cti_server.services.lookups.notices import NoticeFile
from cti_server.services.lookups.registry import Lookups
from cti_server.services.outside import Outside
from cti_server.services.page_links import PageLinks
from cti_server.services.phones import DEMO_ENDPOINT, Phones
from cti_server.services.prompts import PromptKeeper
from cti_server.services.running import Running
from cti_server.services.takeover import DataFolder, Membership, Takeover
from cti_server.services.unseen import LOOK, UnseenCalls
from cti_server.services.work import WorkService
from cti_server.speech.speaker import from_settings
from cti_server.storage.accounts import SqlAccounts
from cti_server.storage.announcements import SqlAnnouncements
from cti_server.storage.configuration import SqlConfiguration
from cti_server.storage.customers import SqlCustomers
from cti_server.storage.engine import open_database
from cti_server.storage.facts import SqlFactStore
from cti_server.storage.leases import SqlLeases
from cti_server.storage.migrate import migrate
from cti_server.storage.passwords import Hasher
from cti_server.storage.pins import PinHasher, pin_key
from cti_server.storage.setup import SqlSetup
from cti_server.storage.spill import SpillFile
from cti_server.storage.tickets import SqlTickets
from cti_server.storage.timeline import SqlTimeline
from cti_server.storage.users import SqlUsers
from cti_server.storage.work import SqlNotes
from cti_server.web.app import create_app
from cti_server.web.leader import Leader
from cti_server.web.sounds import add_sounds

log = structlog.get_logger(__name__)
REPLAY: Micros = 36 * 60 * MINUTE
"""How much of the timeline is folded at start: a shift that began yesterday evening and today's counts."""
REPLAY_BATCH = 5_000
GARBAGE_OBJECTS = 10_000
"""New objects between two looks for garbage: a call makes some ten thousand in its life."""
PROMPTS_PATH = "/sounds"


class Server:
    """`async with Server(settings)`: everything runs inside, everything is stopped after, in reverse order."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self._clock = clock or SystemClock()
        self._stack = AsyncExitStack()
        self.web_port = 0

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._stack.aclose()

    async def _start(self) -> None:
        self.settings.paths.data.mkdir(parents=True, exist_ok=True)
        await self._open_storage()
        await self._open_speech()
        await self._build()
        await self._restore()
        await self._open_switch()
        await self._open_calls()
        await self._open_web()
        log.info("serving", version=__version__, web=self.web_port, agi=self._agi.port)

    # -- storage and timeline ----------------------------------------------------------------------------------

    async def _open_storage(self) -> None:
        """Database at the newest schema, the journal on the bus."""
        settings = self.settings
        self._database = open_database(settings.database.url)
        self._stack.push_async_callback(self._database.close)
        try:
            await migrate(self._database)
        except StorageUnavailable as error:
            address = self._database.url.render_as_string(hide_password=True)
            raise BadSettings(f"{error}; start the database at {address} or correct CTI_DATABASE__URL") from error
        await self._join_servers()
        self._facts = SqlFactStore(self._database)
        self.bus = Bus(self._clock, settings.calls.server)
        self._journal = Journal(
            self.bus,
            self._facts,
            SpillFile(settings.paths.data / "spill.jsonl"),
            self._clock,
            batch_millis=settings.database.batch_millis,
            memory_facts=settings.database.memory_facts,
            on_gap=self._facts_lost,
        )
        self.bus.start_after(await self._journal.open())
        self._journal.start()
        self._stack.push_async_callback(self._journal.close)

    async def _join_servers(self) -> None:
        """Our name on the timeline is ours alone from here on, and nobody takes up our calls."""
        settings, folder = self.settings, DataFolder(self.settings.paths.data)
        folder.lock()
        self._stack.callback(folder.unlock)
        self._leases = SqlLeases(self._database)
        self._membership = Membership(
            self._leases,
            self._clock,
            server=settings.calls.server,
            instance=folder.instance,
            node=settings.calls.node,
            seconds=settings.database.lease_seconds,
        )
        await self._membership.sign_in()
        self._stack.push_async_callback(self._membership.sign_out)

    def _facts_lost(self, since: Micros, until: Micros, count: int) -> None:
        """Neither database nor disk took facts for a while: the timeline says so."""
        log.error("facts_lost", count=count)
        self.bus.record(GapRecorded(at=until, what="journal", node=self.bus.server, since=since))

    # -- speech ------------------------------------------------------------------------------------------------

    async def _open_speech(self) -> None:
        self.speaker = from_settings(self.settings, f"{self._public_url()}{PROMPTS_PATH}")
        self._stack.push_async_callback(self.speaker.close)
        await self.speaker.reload()

    # -- calls -------------------------------------------------------------------------------------------------

    async def _build(self) -> None:
        """Everything that decides, made of configuration read from the database; nothing runs yet."""
        settings, clock, calls = self.settings, self._clock, self.settings.calls
        config = SqlConfiguration(self._database)
        queues = {queue.name: queue for queue in await config.queues()}
        check(queues)
        agents = await config.agents()
        self.switch = AmiSwitch(settings.ami, calls.node, clock)
        self.calls = LiveCalls(self.bus, clock)
        self.acd = Acd(Router(queues), queues, calls.fallback_queue, self.switch, self.bus, clock)
        self._stack.callback(self.acd.close)
        self.floor = Floor(agents, queues, self.acd, self.bus, clock)
        self._stack.callback(self.floor.close)
        self.flows = FlowRegistry(settings.paths.flows, queues, await config.setting(DIDS, calls.dids))
        self.board = BoardService(self.floor, self.calls, self.switch, queues, self.bus, clock, calls.time_zone)
        tickets = SqlTickets(self._database, clock)
        self._outside = Outside(calls.outgoing_allowed, calls.country)
        self._outside.replace((await SqlSetup(self._database).read()).outside_numbers)
        targets = Targets(queues, self.floor, calls.trunk, self._outside)
        self.callbacks = CallbackService(self.calls, self.acd, self.switch, tickets, targets, self.bus, clock, calls)
        self._stack.callback(self.callbacks.close)
        consultations = Consultations(self.calls, self.floor, self.switch, self.bus, clock)
        self._stack.callback(consultations.close)
        files = SqlCustomers(self._database, clock)
        self._customers = customers = Customers(files, calls.country)
        placing = Placing(self.calls, self.floor, targets, customers, self.switch, self.bus, clock, calls)
        self._stack.callback(placing.close)
        notices = NoticeFile(settings.paths.flows / "notices.yaml", clock)
        pins = PinHasher(pin_key(settings.paths.data / "pin.key"))
        own = CustomerLookup(SqlAccounts(self._database, clock, pins), files, clock, notices)
        self._lookups = Lookups.load(settings.paths.flows / "lookups.yaml", own, clock)
        self._stack.push_async_callback(self._lookups.close)
        paths = settings.paths
        parts = Parts(
            settings=calls,
            render_seconds=settings.speech.render_seconds,
            bus=self.bus,
            clock=clock,
            calls=self.calls,
            acd=self.acd,
            floor=self.floor,
            flows=self.flows,
            customers=customers,
            lookups=self._lookups,
            tickets=tickets,
            speaker=self.speaker,
            switch=self.switch,
            recordings=Recordings(
                paths.recordings.absolute(), paths.recordings_on_switch or paths.recordings.absolute()
            ),
            callbacks=self.callbacks,
            targets=targets,
            placing=placing,
            consultations=consultations,
            archive=self._facts,
        )
        self._consultations = consultations
        self._sessions = Sessions(parts)
        self.work = WorkService(
            bus=self.bus,
            clock=clock,
            floor=self.floor,
            calls=self.calls,
            archive=self._facts,
            acd=self.acd,
            notes=SqlNotes(self._database, clock),
            tickets=tickets,
            files=files,
            customers=customers,
            codes=config,
            callbacks=self.callbacks,
            outside=self._outside,
            priority=parts.priority,
            time_zone=calls.time_zone,
            book=CustomerFiles(files, SqlTimeline(self._database), tickets, customers, self.floor.name_of),
        )
        self.desk = DeskService(
            floor=self.floor,
            calls=self.calls,
            callbacks=self.callbacks,
            targets=targets,
            placing=placing,
            switch=self.switch,
            archive=self._facts,
            files=customers,
            board=self.board,
            pause_codes=await config.pause_codes(),
            consultations=consultations,
        )
        links = PageLinks(self.desk.phone_cut, settings.phones.lost_seconds)
        self._stack.callback(links.close)
        self.phones = Phones(self.floor, config, settings.phones.secrets, self._outside, links)
        await self.phones.restore()
        self.leader = Leader(
            control=LeaderService(self.floor, self.acd, self.calls, config, self.bus),
            listening=Listening(self.floor, self.calls, self.switch, self.bus, clock, told=calls.tell_listening),
            announcements=Announcements(self.floor, SqlAnnouncements(self._database), self.bus, clock),
            alarms=Alarms(self.board.queues, config, self._on_duty, self.bus, clock),
            rare=self._facts.rare,
            day_start=lambda at: day_of(at, ZoneInfo(calls.time_zone))[0],
        )
        await self.leader.alarms.load()

    def _on_duty(self, name: QueueName, at: Micros) -> bool:
        """Without opening hours a queue is always open."""
        calls, queue = self.settings.calls, self.acd.queues.get(name)
        calendar = self.flows.calendars.get(queue.calendar or "") if queue else None
        return calls.hours == "always" or calendar is None or is_open(calendar, at, calls.time_zone).open

    def _administration(self, users: SqlUsers) -> Administration:
        store, flows, clock = SqlSetup(self._database), self.flows, self._clock
        fallback = self.settings.calls.fallback_queue

        def around() -> Around:
            return Around(fallback_queue=fallback, calendars=frozenset(flows.calendars), flows=flows.flows)

        running = Running(self.acd, self.floor, self.board, self.desk, self._fallback, self._outside, flows)
        return Administration(
            Configuration(store, running, around, Hasher(PasswordHasher()), clock),
            FlowEditor(flows, store, self.speaker, clock, self.settings.calls.time_zone),
            Dialled(flows, store, clock),
            users,
            fallback,
        )

    async def _restore(self) -> None:
        """Fold what happened before we started; take up what was left open; the first link ends the gap."""
        since = self._clock.now() - REPLAY
        old = [one for one in await self._facts.rare(0, limit=REPLAY_BATCH) if one.id < since]
        for alarms in (self.board, self.leader.alarms):
            alarms.restore(one for one in old if isinstance(one.fact, AlarmFact))
        while batch := await self._facts.after(since, limit=REPLAY_BATCH):
            self.floor.restore(batch)
            self.board.restore(batch)
            self.leader.listening.restore(batch)
            self.leader.alarms.restore(batch)
            self.leader.control.restore(batch)
            since = batch[-1].id
        self._unseen = self._unseen_calls()
        heartbeat = Heartbeat(self.settings.paths.data / "alive", self.bus, self._clock)
        self._recovery = recovery = Recovery(self.calls, self.floor, self.bus, self._clock)
        self._takeover = Takeover(
            self._membership, self._leases, self._facts, self.calls, recovery, self.switch, self._journal.flush
        )
        log.info("calls_taken_up", calls=await self._takeover.adopt())
        self.floor.start()
        self.leader.control.start()
        self._stack.callback(self.leader.control.close)
        self.board.start()
        self._stack.callback(self.board.close)
        self._keep("heartbeat", heartbeat.run())
        self._keep("takeover", self._takeover.run())
        watch = SwitchWatch(self.calls, self.floor, self._consultations)
        listening = self.leader.listening.on_event
        consulting = self._consultations.on_event
        for subscriber in (
            heartbeat.on_event,
            self.floor.on_switch,
            watch.on_event,
            recovery.on_event,
            consulting,
            listening,
        ):
            self._stack.callback(self.switch.subscribe(subscriber))
        await self.callbacks.restore()

    def _unseen_calls(self) -> UnseenCalls:
        """Nothing is asked of the time before the first server on this database."""
        settings, member = self.settings, self._membership
        since = self.bus.last_id - REPLAY if self.bus.last_id else self._clock.now()

        async def turn() -> bool:
            return await self._leases.take(f"queue_log:{member.node}", member.server, member.node, LOOK * 3)

        return UnseenCalls(
            QueueLog(settings.paths.queue_log, since),
            self._facts,
            self.bus,
            node=settings.calls.node,
            fallback_queue=settings.calls.fallback_queue,
            agent_of=self.floor.of_endpoint,
            dialable=self._customers.dialable,
            turn=turn,
        )

    async def _open_switch(self) -> None:
        await self._stack.enter_async_context(self.switch)
        self._keep("unseen", self._unseen.run())
        self._fallback = FallbackKeeper(self.floor, self.switch, self.bus)
        self._keep("fallback", self._fallback.run())

    async def _open_calls(self) -> None:
        await asyncio.to_thread(self.flows.load)
        keeper = PromptKeeper(self.flows, self.speaker)
        await keeper.prepare()
        self._keep("prompts", keeper.run())
        self._keep("flows", self.flows.watch())
        self._keep("alarms", self.leader.alarms.run())
        self._agi = AgiServer(self.settings.agi, self.settings.calls.node, self._sessions.handle)
        self.acd.expect(self._recovery.waiting())
        await self._agi.start()
        self._stack.push_async_callback(self._agi.stop, self.settings.calls.drain_seconds)

    # -- web ---------------------------------------------------------------------------------------------------

    def _guide(self) -> Guide | None:
        if not self.settings.demo:
            return None
        guide = Guide(DEMO_ENDPOINT, lambda: self.flows.flows)
        self._stack.callback(self.bus.subscribe(guide.take))
        return guide

    async def _open_web(self) -> None:
        http, users = self.settings.http, SqlUsers(self._database)
        application = create_app(
            self.settings,
            desk=self.desk,
            users=users,
            bus=self.bus,
            facts=self._facts,
            clock=self._clock,
            health=self._health,
            phones=self.phones,
            work=self.work,
            administration=self._administration(users),
            leader=self.leader,
            guide=self._guide(),
        )
        add_sounds(application, PROMPTS_PATH, self.speaker.file)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=2.0)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, http.host, http.port)
        try:
            await site.start()
        except OSError as error:
            raise BadSettings(
                f"cannot listen on {http.host}:{http.port} ({error.strerror}); stop the program that uses it or set"
                " CTI_HTTP__HOST and CTI_HTTP__PORT"
            ) from error
        self.web_port = int(runner.addresses[0][1])

    async def _health(self) -> dict[str, Any]:
        well = self.switch.linked and not self._journal.away and self._membership.held
        return {
            "status": "ok" if well else "degraded",
            "version": __version__,
            "switch_linked": self.switch.linked,
            "database": not self._journal.away,
            "calls": len(self.calls),
            "details": {
                "switch_trouble": self.switch.trouble,
                "lease_held": self._membership.held,
                "servers": self._takeover.servers,
                "facts_queued": self._journal.queued,
                "facts_spilled": self._journal.spilled,
                "flow_problems": [str(problem) for problem in self.flows.problems],
            },
        }

    def _public_url(self) -> str:
        http = self.settings.http
        return http.public_url.rstrip("/") or f"http://{http.host}:{http.port}"

    # -- tasks -------------------------------------------------------------------------------------------------

    def _keep(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """A task for the server's life: cancelled at its place in the stop order; if it dies, that is logged."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(_log_death)
        self._stack.push_async_callback(_cancel, task)


def _log_death(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("task_died", task=task.get_name(), error=repr(error))


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


async def serve(settings: Settings) -> None:
    """Run until SIGINT or SIGTERM. Raises BadSettings when it cannot start."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    async with Server(settings):
        _spare_collector()
        await stop.wait()
        log.info("stopping")


def _spare_collector() -> None:
    """What is here now stays for the process's life; the garbage collector need not walk through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS, 20, 20)
