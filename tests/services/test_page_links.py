"""When the page with an agent's softphone counts as lost. Virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from cti_server.services.page_links import PageLinks
from tests.virtual import run

LOST_AFTER = 3.0


def lost(story: Callable[[PageLinks], Awaitable[None]]) -> list[tuple[str, float]]:
    """Agents whose page was lost, and when."""
    seen: list[tuple[str, float]] = []

    async def whole() -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()

        async def tell(agent_id: str) -> None:
            seen.append((agent_id, round(loop.time() - start, 3)))

        links = PageLinks(tell, LOST_AFTER)
        await story(links)
        await asyncio.sleep(10)
        links.close()

    run(whole())
    return seen


async def online(links: PageLinks, page: str, seconds: float) -> None:
    with links.open("1001", page):
        await asyncio.sleep(seconds)


def test_a_page_that_does_not_come_back_is_lost_after_its_time() -> None:
    async def story(links: PageLinks) -> None:
        await online(links, "a", 5)

    assert lost(story) == [("1001", 8.0)]


def test_the_same_page_back_in_time_was_never_lost() -> None:
    async def story(links: PageLinks) -> None:
        await online(links, "a", 5)
        await asyncio.sleep(2.9)
        with links.open("1001", "a"):
            await asyncio.sleep(10)
            links.close()

    assert lost(story) == []


def test_another_page_says_at_once_that_the_one_before_is_gone() -> None:
    async def story(links: PageLinks) -> None:
        await online(links, "a", 5)
        await asyncio.sleep(1)
        with links.open("1001", "b"):
            await asyncio.sleep(10)
            links.close()

    assert lost(story) == [("1001", 6.0)]


def test_an_old_page_that_closes_late_does_not_cut_the_new_one() -> None:
    async def story(links: PageLinks) -> None:
        old = asyncio.create_task(online(links, "a", 5))
        await asyncio.sleep(1)
        with links.open("1001", "b"):
            await old
            await asyncio.sleep(10)
            links.close()

    assert lost(story) == []


def test_our_own_stop_loses_no_page() -> None:
    async def story(links: PageLinks) -> None:
        with links.open("1001", "a"):
            links.close()

    assert lost(story) == []
