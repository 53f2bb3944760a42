"""A caller's ear and fingers in virtual time: which keys count for which question, and when silence is broken."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import pytest

from cti_server.domain.flows.effects import Answer, Ask
from cti_server.domain.ids import ChannelRef
from cti_server.domain.phrases import phrase
from cti_server.errors import LineGone, SpeechUnavailable
from cti_server.ports import LineInfo
from cti_server.services.calls.voice import TYPE_AHEAD, Voice
from tests.services.doubles import FakeLine, FakeSpeaker, FakeSwitch
from tests.virtual import VirtualClock, run

T = TypeVar("T")
ACCOUNT = Ask(("Account",), most=8, stop_keys="#*", tail_seconds=1.5)
PIN = Ask(("PIN",), most=6, stop_keys="#*", tail_seconds=1.5)
MENU = Ask(("Menu",))
ONE_MOMENT = phrase("one_moment", "zh")[0]


class Line(FakeLine):
    """Notes when each sound and the music began."""

    async def music(self, on: bool, music_class: str = "default") -> None:
        await super().music(on, music_class)
        self.heard.append("music on" if on else "music off")


def story(
    keys: Mapping[float, str], tell: Callable[[Voice], Awaitable[T]], hangs_up: float | None = None
) -> tuple[T, list[str], float]:
    """What `tell` returns, what was heard, and how long it took (s)."""

    async def main() -> tuple[T, list[str], float]:
        info = LineInfo(ChannelRef("asterisk", "1.1", "PJSIP/trunk-1"), "", "", "95598", "call")
        line = Line(FakeSwitch(VirtualClock()), info, keys, hangs_up)
        voice = Voice(line, FakeSpeaker(), language="zh", render_seconds=3)
        result = await tell(voice)
        return result, line.heard, asyncio.get_running_loop().time()

    return run(main())


async def account_and_pin(voice: Voice) -> tuple[Answer, Answer]:
    return await voice.ask(ACCOUNT), await voice.ask(PIN)


def test_a_habitual_hash_belongs_to_its_number_and_what_it_cut_is_said_again() -> None:
    (account, pin), heard, _ = story({0.1: "10000018#", 4.0: "246810"}, account_and_pin)
    assert (account.keys, pin.keys) == ("10000018", "246810")
    assert heard == ["Account", "PIN", "PIN"]


def test_a_hash_long_after_the_number_is_an_answer() -> None:
    (_, pin), _, _ = story({0.1: "10000018", 4.0: "#"}, account_and_pin)
    assert pin == Answer("", "#")


def test_keys_typed_ahead_answer_later_questions_without_their_prompts() -> None:
    async def way(voice: Voice) -> tuple[Answer, ...]:
        await voice.meanwhile(asyncio.sleep(1.1))
        return (await voice.ask(MENU), await voice.ask(MENU), await voice.ask(MENU))

    answers, heard, _ = story({0.1: "12345"}, way)
    assert [answer.keys for answer in answers] == ["1", "2", "3"]
    assert heard == []


def test_fresh_forgets_what_was_typed_before() -> None:
    async def wrong(voice: Voice) -> Answer:
        await voice.say(("Welcome",))
        return await voice.ask(Ask(("Again",), fresh=True, first_seconds=2))

    answer, heard, _ = story({0.5: "7"}, wrong)
    assert answer == Answer("")
    assert heard == ["Welcome", "Again"]


def test_endless_keys_are_kept_up_to_a_bound() -> None:
    async def busy(voice: Voice) -> int:
        await voice.meanwhile(asyncio.sleep(120))
        return len(voice._typed)

    kept, _, _ = story({0.1: "7" * 500}, busy)
    assert kept == TYPE_AHEAD


@pytest.mark.parametrize(("alone", "seconds"), [("1", 1.4), ("", 3.0)])
def test_a_key_that_is_a_whole_answer_is_not_waited_on_for_long(alone: str, seconds: float) -> None:
    async def own(voice: Voice) -> Answer:
        return await voice.ask(Ask(("Account",), most=8, stop_keys="#*", gap_seconds=3, alone=alone))

    answer, _, took = story({0.5: "1"}, own)
    assert answer == Answer("1")
    assert took == pytest.approx(0.5 + seconds, abs=0.01)


def test_quick_work_is_silent_and_slow_work_is_told() -> None:
    async def quick(voice: Voice) -> None:
        await voice.meanwhile(asyncio.sleep(0.9))

    async def slow(voice: Voice) -> None:
        await voice.meanwhile(asyncio.sleep(4))

    assert story({}, quick)[1] == []
    assert story({}, slow)[1] == [ONE_MOMENT, "music on", "music off"]


def test_the_silence_of_steps_adds_up() -> None:
    """Two lookups of 0.9 s in a row: 1.8 s of silence is told in the second."""

    async def steps(voice: Voice) -> None:
        await voice.say(("Welcome",))
        await voice.meanwhile(asyncio.sleep(0.9))
        await voice.meanwhile(asyncio.sleep(0.9))
        await voice.meanwhile(asyncio.sleep(0.9))

    assert story({}, steps)[1] == ["Welcome", ONE_MOMENT, "music on", "music off"]


def test_keys_pressed_while_we_work_are_kept() -> None:
    async def work(voice: Voice) -> Answer:
        await voice.meanwhile(asyncio.sleep(0.5))
        return await voice.ask(MENU)

    answer, heard, _ = story({0.2: "3"}, work)
    assert answer.keys == "3"
    assert heard == []


def test_work_ends_with_the_caller() -> None:
    done: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(9)
        except asyncio.CancelledError:
            done.append("cancelled")
            raise

    async def leave(voice: Voice) -> None:
        with pytest.raises(LineGone):
            await voice.meanwhile(work())
        await asyncio.sleep(0)

    story({}, leave, hangs_up=0.5)
    assert done == ["cancelled"]


def test_words_that_cannot_be_had_are_an_error_and_not_silence() -> None:
    async def speak(voice: Voice) -> None:
        voice._speaker.missing.add("Gone")  # type: ignore[attr-defined]
        with pytest.raises(SpeechUnavailable):
            await voice.say(("Gone",))

    assert story({}, speak)[1] == []
