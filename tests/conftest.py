"""What tests share: a real Asterisk, a real PostgreSQL, and the rule that a test leaves nothing running."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from cti_server.lab.asterisk import AsteriskInstance
from cti_server.lab.postgres import PostgresInstance

REAL_TIME = {"real", "browser"}
"""Folders of tests in which other programs keep real time: sipp, phones, Asterisk, Chromium."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Such a test may fail because a busy machine let a phone wait. It is told once more, and the run's last line says
    how many were; one that fails twice has failed."""
    for item in items:
        if REAL_TIME & set(item.path.parts):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session")
def asterisk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AsteriskInstance]:
    """One private Asterisk for the whole run, node `asterisk`. Point it at your server with
    `await asterisk.serve_from("127.0.0.1:<agi port>")`; leave no channel and no registration behind."""
    instance = AsteriskInstance(tmp_path_factory.mktemp("asterisk"), retry_seconds=3)
    asyncio.run(instance.start())
    yield instance
    asyncio.run(instance.close())


@pytest.fixture
async def new_asterisk(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[AsteriskInstance]]]:
    """`await new_asterisk(node="b", …)`: an Asterisk of the test's own, to restart or kill (up in about half a second)."""
    made: list[AsteriskInstance] = []

    async def start(**settings: object) -> AsteriskInstance:
        instance = AsteriskInstance(tmp_path / f"asterisk{len(made)}", **settings)  # type: ignore[arg-type]
        made.append(instance)
        await instance.start()
        return instance

    yield start
    for instance in made:
        await instance.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresInstance]:
    """One private PostgreSQL for the whole run."""
    instance = PostgresInstance()
    asyncio.run(instance.start())
    yield instance
    asyncio.run(instance.close())


@pytest.fixture
async def postgres_url(postgres: PostgresInstance) -> AsyncIterator[str]:
    """SQLAlchemy address of an empty database of the test's own."""
    url = await postgres.database()
    yield url
    await postgres.drop(url)


@pytest.fixture(autouse=True)
def _nothing_left_running(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test that leaves a thread, or (when it is async) a task, behind."""
    before = set(threading.enumerate())
    if inspect.iscoroutinefunction(getattr(request, "function", None)):
        request.getfixturevalue("_no_task_left")
    yield
    left = [t for t in threading.enumerate() if t not in before and not t.name.startswith("asyncio_")]
    for thread in left:
        thread.join(timeout=1.0)
    left = [t for t in left if t.is_alive()]
    assert not left, f"threads left running: {left}"


@pytest.fixture
async def _no_task_left() -> AsyncIterator[None]:
    yield
    for _ in range(5):  # let what was just cancelled or answered come to its end
        await asyncio.sleep(0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"tasks left running: {left}"
