"""When the page with an agent's softphone counts as lost. Virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from cti_server.services.page_links import PageLinks
from tests.virtual import run

LOST_AFTER = 3.0


def lost(story: Callable[[PageLinks], Awaitable[None]], sound_until: float = 0) -> list[tuple[str, float]]:
    """Agents whose page was lost, and when. Its sound reaches the switch until `sound_until`."""
    seen: list[tuple[str, float]] = []

    async def whole() -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()

        async def tell(agent_id: str) -> None:
            seen.append((agent_id, round(loop.time() - start, 3)))

        async def sounds(agent_id: str) -> bool | None:
            return loop.time() - start < sound_until

        links = PageLinks(tell, sounds, LOST_AFTER)
        await story(links)
        await asyncio.sleep(10)
        links.close()

    run(whole())
    return seen


async def online(links: PageLinks, page: str, seconds: float, *, ended: bool = False) -> None:
    with links.open("1001", page) as link:
        await asyncio.sleep(seconds)
        link.ended = ended


def test_a_page_whose_browser_closed_the_socket_and_is_silent_is_lost_at_once() -> None:
    async def story(links: PageLinks) -> None:
        await online(links, "a", 5, ended=True)

    assert lost(story) == [("1001", 5.0)]


def test_a_page_that_still_sounds_is_waited_for_however_its_socket_closed() -> None:
    """A proxy between was restarted: nobody may lose his talk by that."""

    async def story(links: PageLinks) -> None:
        await online(links, "a", 5, ended=True)

    assert lost(story, sound_until=9.9) == [("1001", 10.0)]


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
