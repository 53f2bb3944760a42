"""Servers on one database: whose calls are whose while they live, and after one of them is gone. Virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cti_server.domain import facts as f
from cti_server.domain.calls import CallRecord
from cti_server.domain.facts import CallFact
from cti_server.domain.ids import SECOND, CallId
from cti_server.domain.leases import Lease
from cti_server.errors import BadSettings, StorageUnavailable
from cti_server.ports import LiveChannel, SwitchSnapshot
from cti_server.services.calls.recovery import Recovery
from cti_server.services.takeover import DataFolder, Membership, Takeover
from tests.services.call_world import World, agent, queue
from tests.services.doubles import FakeLine
from tests.virtual import VirtualClock, run

LEASE = 9.0


@dataclass
class Table:
    """The leases two servers share; `cut` names holders whose way to the database is gone."""

    clock: VirtualClock
    rows: dict[str, Lease] = field(default_factory=dict)
    cut: set[str] = field(default_factory=set)

    async def take(self, name: str, holder: str, node: str, seconds: float) -> bool:
        if holder in self.cut:
            raise StorageUnavailable("the database does not answer")
        now, present = self.clock.now(), self.rows.get(name)
        if present and present.holder != holder and present.expires_at > now:
            return False
        self.rows[name] = Lease(name, holder, node, now, now + round(seconds * SECOND), lapsed=False)
        return True

    async def give_up(self, name: str, holder: str, after: float = 0) -> None:
        row = self.rows[name]
        self.rows[name] = Lease(
            name, holder, row.node, row.renewed_at, self.clock.now() + round(after * SECOND), lapsed=False
        )

    async def get(self, name: str) -> Lease | None:
        return next((lease for lease in await self.all() if lease.name == name), None)

    async def all(self) -> Sequence[Lease]:
        now = self.clock.now()
        return [
            Lease(row.name, row.holder, row.node, row.renewed_at, row.expires_at, row.expires_at <= now)
            for row in self.rows.values()
        ]


class Shared:
    """What both servers' journals have stored, and in which order."""

    def __init__(self) -> None:
        self.facts: list[tuple[str, CallFact]] = []
        self.records: dict[CallId, CallRecord] = {}

    def watch(self, name: str, world: World) -> None:
        def store(recorded: f.Recorded) -> None:
            if isinstance(recorded.fact, CallFact):
                self.facts.append((name, recorded.fact))
                record = world.calls.record(recorded.fact.call_id)
                if record is not None:
                    self.records[recorded.fact.call_id] = record

        world.bus.subscribe(store)

    async def open_by_server(self) -> dict[CallId, str]:
        owners: dict[CallId, str] = {}
        for name, fact in self.facts:
            if isinstance(fact, f.CallArrived | f.CallResumed | f.CallTakenUp):
                owners[fact.call_id] = name
            elif isinstance(fact, f.CallEnded):
                owners.pop(fact.call_id, None)
        return owners

    async def load_call(self, call_id: CallId) -> CallRecord | None:
        return self.records.get(call_id)


@dataclass
class Looking:
    """What the switch would list."""

    world: World
    linked: bool = True
    channels: tuple[LiveChannel, ...] = ()

    async def snapshot(self) -> SwitchSnapshot:
        return SwitchSnapshot(self.channels, frozenset())


@dataclass
class Node:
    world: World
    own: Membership
    takeover: Takeover
    looking: Looking
    _task: asyncio.Task[None] | None = None

    async def start(self) -> int:
        await self.own.sign_in()
        adopted = await self.takeover.adopt()
        self._task = asyncio.create_task(self.takeover.run())
        return adopted

    async def die(self, *sessions: asyncio.Task[None]) -> None:
        for task in (self._task, *sessions):
            if task is not None:
                task.cancel()
                await asyncio.wait({task})


async def nothing() -> None:
    return None


def node(name: str, folder: Path, table: Table, shared: Shared) -> Node:
    (folder / name).mkdir()
    world = World(folder / name, [queue()], [agent("1001")])
    shared.watch(name, world)
    recovery = Recovery(world.calls, world.floor, world.bus, world.clock)
    own = Membership(table, world.clock, server=name, instance=name, node="asterisk", seconds=LEASE)
    looking = Looking(world)
    return Node(world, own, Takeover(own, table, shared, world.calls, recovery, looking, nothing), looking)


Story = Callable[[Node, Node, Table, Shared], Awaitable[None]]


def play(folder: Path, story: Story) -> None:
    async def main() -> None:
        table, shared = Table(VirtualClock()), Shared()
        first, second = (node(name, folder, table, shared) for name in ("a", "b"))
        try:
            await story(first, second, table, shared)
        finally:
            for one in (first, second):
                await one.die()
                one.world.close()

    run(main())


async def waiting_caller(one: Node) -> tuple[FakeLine, asyncio.Task[None]]:
    line = one.world.line({1.0: "1"})
    session = one.world.start(line)
    await asyncio.sleep(5)
    return line, session


def listed(line: FakeLine) -> LiveChannel:
    return LiveChannel(line.info.channel, CallId(line.variables["CTI_CALL_ID"]), "", "up", "", "", 0)


def test_a_living_servers_calls_are_left_alone_and_a_dead_ones_taken_up_once(tmp_path: Path) -> None:
    async def story(first: Node, second: Node, table: Table, shared: Shared) -> None:
        assert await first.start() == 0
        line, session = await waiting_caller(first)
        assert await second.start() == 0
        await asyncio.sleep(5 * LEASE)
        assert len(second.world.calls) == 0
        assert second.takeover.servers == {"a": True, "b": True}
        await first.die(session)
        second.looking.channels = (listed(line),)
        await asyncio.sleep(LEASE / 2)
        assert len(second.world.calls) == 0
        await asyncio.sleep(3 * LEASE)
        assert [(name, fact.of) for name, fact in shared.facts if isinstance(fact, f.CallTakenUp)] == [("b", "a")]
        (live,) = second.world.calls
        assert live.waiting
        assert second.takeover.servers == {"a": False, "b": True}

    play(tmp_path, story)


def test_what_ended_with_its_server_is_closed_as_unknown_by_the_other(tmp_path: Path) -> None:
    async def story(first: Node, second: Node, table: Table, shared: Shared) -> None:
        await first.start()
        _, session = await waiting_caller(first)
        await second.start()
        await first.die(session)
        await asyncio.sleep(3 * LEASE)
        assert [fact.side for name, fact in shared.facts if isinstance(fact, f.CallEnded) and name == "b"] == [
            "unknown"
        ]

    play(tmp_path, story)


def test_while_the_takeover_is_anothers_nobody_else_does_it(tmp_path: Path) -> None:
    async def story(first: Node, second: Node, table: Table, shared: Shared) -> None:
        await first.start()
        _, session = await waiting_caller(first)
        await first.die(session)
        await asyncio.sleep(2 * LEASE)
        await table.take("takeover:asterisk", "c", "asterisk", 4 * LEASE)
        assert await second.start() == 0
        await asyncio.sleep(2 * LEASE)
        assert len(second.world.calls) == 0
        await asyncio.sleep(4 * LEASE)
        assert [name for name, fact in shared.facts if isinstance(fact, f.CallTakenUp)] == ["b"]

    play(tmp_path, story)


def test_a_server_that_was_cut_off_keeps_the_lines_it_has(tmp_path: Path) -> None:
    async def story(first: Node, second: Node, table: Table, shared: Shared) -> None:
        await first.start()
        line, _ = await waiting_caller(first)
        await second.start()
        second.looking.channels = (listed(line),)
        table.cut.add("a")
        await asyncio.sleep(2 * LEASE)
        assert (first.own.held, second.own.held) == (False, True)
        assert len(second.world.calls) == len(first.world.calls) == 1
        table.cut.clear()
        await asyncio.sleep(2 * LEASE)
        assert (first.own.held, second.own.held) == (True, True)
        assert (len(first.world.calls), len(second.world.calls)) == (1, 0)
        taken = [(name, fact.of) for name, fact in shared.facts if isinstance(fact, f.CallTakenUp)]
        assert taken == [("b", "a"), ("a", "b")]
        assert not [fact for _, fact in shared.facts if isinstance(fact, f.CallEnded)]

    play(tmp_path, story)


def test_a_name_is_one_servers(tmp_path: Path) -> None:
    async def story(first: Node, second: Node, table: Table, shared: Shared) -> None:
        await first.start()
        clock = first.world.clock
        namesake = Membership(table, clock, server="a", instance="other", node="asterisk", seconds=LEASE)
        with pytest.raises(BadSettings, match="CTI_CALLS__SERVER"):
            await namesake.sign_in()
        await first.die()
        began = clock.now()
        await namesake.sign_in()
        assert clock.now() - began <= (LEASE + 2) * SECOND

    play(tmp_path, story)


def test_a_data_folder_is_one_servers(tmp_path: Path) -> None:
    first, second = DataFolder(tmp_path), DataFolder(tmp_path)
    first.lock()
    with pytest.raises(BadSettings, match="CTI_PATHS__DATA"):
        second.lock()
    first.unlock()
    second.lock()
    assert second.instance == first.instance != ""
    second.unlock()
