"""The link against a manager that misbehaves on a real socket: silence, garbage, half lines, refusals, loss at any moment."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from asterisk.ami.action import Action, SimpleAction
from pydantic import SecretStr

from cti_server.asterisk.ami.link import Link
from cti_server.asterisk.ami.session import Session
from cti_server.asterisk.ami.wire import Message
from cti_server.config import AmiSettings
from cti_server.errors import InvalidValue, SwitchRefused, SwitchUnavailable
from tests.asterisk.ami_fake import GREETING, FakeAmi, reply, reply_list


@pytest.fixture
async def fake() -> AsyncIterator[FakeAmi]:
    async with FakeAmi() as fake:
        yield fake


class Watch:
    """What a link told, and waiting for more of it."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self._news = asyncio.Event()

    def say(self, word: str) -> None:
        self.told.append(word)
        self._news.set()

    async def until(self, done: Callable[[list[str]], bool]) -> None:
        async with asyncio.timeout(10):
            while not done(self.told):
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def linked(settings: AmiSettings, watch: Watch) -> AsyncIterator[Link]:
    async def up() -> None:
        watch.say("up")

    link = Link(settings, on_event=lambda m: watch.say(m.name), on_up=up, on_down=lambda: watch.say("down"))
    async with link:
        yield link


async def test_answers_find_their_actions_in_any_order(fake: FakeAmi) -> None:
    held: list[bytes] = []

    def hold(request: Message) -> bytes:
        held.insert(0, reply(request, Value=request.get("Variable")))
        return b"".join(held) if len(held) == 5 else b""

    fake.answers["Getvar"] = hold
    async with Session(fake.settings()) as session:
        answers = await asyncio.gather(*(session.send(SimpleAction("Getvar", Variable=f"V{i}")) for i in range(5)))
    assert [answer.get("Value") for answer in answers] == [f"V{i}" for i in range(5)]


async def test_a_list_is_gathered_and_events_between_its_items_are_events(fake: FakeAmi) -> None:
    def interleaved(request: Message) -> bytes:
        one, two = {"Event": "CoreShowChannel", "Channel": "a"}, {"Event": "CoreShowChannel", "Channel": "b"}
        return b"Event: Newchannel\r\nChannel: c\r\n\r\n".join(
            part + b"\r\n\r\n" for part in reply_list(request, one, two).removesuffix(b"\r\n\r\n").split(b"\r\n\r\n")
        )

    fake.answers["CoreShowChannels"] = interleaved
    events: list[str] = []
    session = Session(fake.settings(), events="call", on_event=lambda m: events.append(m.get("Channel")))
    async with session:
        items = await session.gather(SimpleAction("CoreShowChannels"))
    assert [item.get("Channel") for item in items] == ["a", "b"]
    assert events.count("c") == 3


async def test_an_error_answer_is_a_refusal(fake: FakeAmi) -> None:
    fake.answers["Hangup"] = lambda m: reply(m, "Error", Message="No such channel")
    async with Session(fake.settings()) as session:
        with pytest.raises(SwitchRefused, match="No such channel"):
            await session.send(SimpleAction("Hangup", Channel="x"))
        with pytest.raises(SwitchRefused):
            await session.gather(SimpleAction("Hangup", Channel="x"))


async def test_no_answer_in_time_is_unavailable_and_a_late_one_disturbs_nobody(fake: FakeAmi) -> None:
    late: list[bytes] = []

    def keep(request: Message) -> bytes:
        late.append(reply(request, Value="late"))
        return b""

    fake.answers["Getvar"] = keep
    fake.answers["Setvar"] = lambda m: late.pop() + reply(m, Value="now")
    async with Session(fake.settings()) as session:
        session._settings = fake.settings(answer_seconds=0.05)
        with pytest.raises(SwitchUnavailable, match="no answer"):
            await session.send(SimpleAction("Getvar"))
        assert (await session.send(SimpleAction("Setvar"))).get("Value") == "now"


async def test_loss_fails_everything_outstanding(fake: FakeAmi) -> None:
    fake.answers["Getvar"] = lambda m: b""
    async with Session(fake.settings()) as session:
        waiting = [asyncio.create_task(session.send(SimpleAction("Getvar"))) for _ in range(3)]
        while sum(m.name == "Getvar" for m in fake.actions) < 3:
            await asyncio.sleep(0)
        fake.hang_up()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(result) for result in results] == [SwitchUnavailable] * 3
        with pytest.raises(SwitchUnavailable):
            await session.send(SimpleAction("Getvar"))


async def test_nothing_injected_reaches_the_wire(fake: FakeAmi) -> None:
    async with Session(fake.settings()) as session:
        before = len(fake.actions)
        with pytest.raises(InvalidValue):
            await session.send(Action("Originate", {"CallerID": "x\r\nAction: Command"}))
        await session.send(SimpleAction("Ping"))
        assert [m.name for m in fake.actions[before:]] == ["Ping"]


async def test_the_watchdog_ends_a_session_that_went_silent(fake: FakeAmi) -> None:
    fake.answers["Ping"] = lambda m: b""
    async with Session(fake.settings(ping_seconds=0.01, answer_seconds=0.2)) as session:
        assert "Ping" in await asyncio.wait_for(session.lost, 5)


@pytest.mark.parametrize("auth", ["plain", "challenge"])
async def test_a_wrong_password_is_named(fake: FakeAmi, auth: str) -> None:
    with pytest.raises(SwitchRefused, match="CTI_AMI__PASSWORD") as refused:
        async with Session(fake.settings(auth=auth, password=SecretStr("wrong-secret"))):
            pass
    assert "wrong-secret" not in str(refused.value)


@pytest.mark.parametrize("action", ["Challenge", "Ping"])
async def test_an_asterisk_going_down_is_away_and_refuses_nobody(fake: FakeAmi, action: str) -> None:
    fake.answers[action] = lambda m: reply(m, "Error", Message="Asterisk is shutting down")
    with pytest.raises(SwitchUnavailable, match="shutting down"):
        async with Session(fake.settings()) as session:
            await session.send(SimpleAction("Ping"))


async def test_a_challenge_login_never_sends_the_secret(fake: FakeAmi) -> None:
    async with Session(fake.settings()):
        pass
    assert not any(fake.secret.encode() in action.raw for action in fake.actions)


@pytest.mark.parametrize(
    ("greeting", "why"),
    [(b"SSH-2.0-OpenSSH_9.2\r\n", "does not speak AMI"), (b"", "no answer"), (GREETING + b"x" * 70_000, "more than")],
)
async def test_what_is_no_manager_is_named(fake: FakeAmi, greeting: bytes, why: str) -> None:
    fake.greeting = greeting
    if not greeting:
        fake.answers["Challenge"] = lambda m: b""
    with pytest.raises(SwitchUnavailable, match=why):
        async with Session(fake.settings(answer_seconds=0.3)):
            pass


async def test_nobody_there_is_named() -> None:
    with pytest.raises(SwitchUnavailable, match="cannot reach Asterisk's manager at"):
        async with Session(AmiSettings(port=1, password=SecretStr("x"))):
            pass


async def test_a_subscriber_that_fails_does_not_stop_the_reader(fake: FakeAmi) -> None:
    seen: list[str] = []

    def take(message: Message) -> None:
        seen.append(message.name)
        raise RuntimeError("subscriber")

    async with Session(fake.settings(), events="call", on_event=take) as session:
        fake.send(b"Event: A\r\n\r\nEvent: B\r\n\r\n")
        await session.send(SimpleAction("Ping"))
        assert seen[-2:] == ["A", "B"]


async def test_the_link_comes_back_after_every_kind_of_loss(fake: FakeAmi) -> None:
    watch = Watch()
    async with linked(fake.settings(), watch) as link:
        await watch.until(lambda told: told.count("up") == 1)
        for number, rude in enumerate((b"", b"\x00\xff" * 40_000, b"Event: Half\r\nKey"), start=2):
            fake.send(rude)
            if len(rude) < 100:
                fake.hang_up()
            await watch.until(lambda told, number=number: told.count("up") == number)  # type: ignore[misc]
            assert (await link.send(SimpleAction("Ping"))).get("Ping") == "Pong"
    assert [word for word in watch.told if word in ("up", "down")] == ["up", "down"] * 4
    assert "Half" not in watch.told


async def test_no_link_says_why(fake: FakeAmi) -> None:
    watch = Watch()
    fake.answers["Login"] = lambda m: reply(m, "Error", Message="Authentication failed")
    async with linked(fake.settings(), watch) as link:
        await watch.until(lambda told: "down" in told)
        with pytest.raises(SwitchUnavailable, match="Authentication failed"):
            await link.send(SimpleAction("Ping"))
        fake.answers["Login"] = fake._login
        await watch.until(lambda told: "up" in told)
        assert link.trouble == ""


async def test_a_switch_that_never_boots_is_not_up(fake: FakeAmi) -> None:
    fake.booted = b""
    watch = Watch()
    async with linked(fake.settings(answer_seconds=0.1), watch) as link:
        await watch.until(lambda told: "down" in told)
        assert "FullyBooted" in link.trouble
    assert "up" not in watch.told


async def test_a_failing_resync_starts_anew(fake: FakeAmi) -> None:
    watch, tries = Watch(), 0

    async def up() -> None:
        nonlocal tries
        tries += 1
        watch.say("try")
        if tries < 3:
            raise RuntimeError("resync")
        watch.say("up")

    async with Link(fake.settings(), on_event=lambda m: None, on_up=up, on_down=lambda: watch.say("down")):
        await watch.until(lambda told: "up" in told)
    assert watch.told == ["try", "down", "try", "down", "try", "up", "down"]


def certificate(folder: Path) -> tuple[Path, Path]:
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=switch.example",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key


async def test_tls_checks_the_certificate(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    async with FakeAmi(tls=context) as fake:
        async with Session(fake.settings(tls=True, tls_ca=cert)) as session:
            assert (await session.send(SimpleAction("Ping"))).get("Ping") == "Pong"
        with pytest.raises(SwitchUnavailable, match="certificate"):
            async with Session(fake.settings(tls=True)):
                pass
    assert fake.logins == 1
