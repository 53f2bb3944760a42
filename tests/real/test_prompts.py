"""A real Asterisk plays the recorded prompts to the end: from the shared folder, and over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from cti_server.domain.aloud import aloud
from cti_server.lab.asterisk import AsteriskInstance
from cti_server.lab.sipp import SippCaller
from cti_server.speech import audio
from cti_server.speech.speaker import PromptSpeaker

pytestmark = pytest.mark.real

RECORDED = Path(__file__).parents[2] / "ivr_flows" / "prompts"


def speaker(sounds: Path, over_http: str = "") -> PromptSpeaker:
    made = PromptSpeaker(recorded=RECORDED, sounds=sounds, engine=None, over_http=over_http)
    made.load()
    return made


@asynccontextmanager
async def over_http(made: PromptSpeaker) -> AsyncIterator[str]:
    """A web server with the route of the sounds; yields its address."""
    asked: list[str] = []

    async def sound(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        file = made.file(request.match_info["language"], request.match_info["name"])
        if file is None:
            raise web.HTTPNotFound
        return web.FileResponse(file)

    app = web.Application()
    app.router.add_get("/sounds/{language}/{name}", sound)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/sounds"
    finally:
        await runner.cleanup()
    assert asked


async def played(asterisk: AsteriskInstance, sounds: list[str]) -> list[int]:
    """Samples of each sound that Asterisk played to a SIP caller, as STREAM FILE reports them."""
    done: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def ask(command: str) -> str:
            writer.write(f"{command}\n".encode())
            return (await reader.readline()).decode()

        while (await reader.readline()).strip():
            pass
        await ask("ANSWER")
        answers = [await ask(f'STREAM FILE "{sound}" ""') for sound in sounds]
        done.set_result([int(answer.partition("endpos=")[2]) for answer in answers])
        await ask("HANGUP")
        writer.close()

    server = await asyncio.start_server(session, "127.0.0.1", 0)
    await asterisk.serve_from(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
    call = asyncio.create_task(
        SippCaller(port=asterisk.ports.sip).call("95598", caller="13900000001", script="wait 60")
    )
    try:
        async with asyncio.timeout(60):
            return await done
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(10):
                await call
        server.close()
        await server.wait_closed()


def samples(made: PromptSpeaker, sound: str) -> int:
    language, name = sound.split("/")[-2:]
    file = made.file(language, name)
    assert file is not None
    return audio.read(file).size


@pytest.mark.parametrize(("mode", "language"), [("files", "zh"), ("http", "en")])
async def test_asterisk_plays_an_amount_and_an_account_number(
    asterisk: AsteriskInstance, tmp_path: Path, mode: str, language: str
) -> None:
    words = (*aloud("amount", "128.50", language), "，", *aloud("digits", "10000018", language))
    made = speaker(tmp_path / "sounds")
    async with contextlib.AsyncExitStack() as stack:
        if mode == "http":
            address = await stack.enter_async_context(over_http(made))
            made = speaker(tmp_path / "sounds", address)
        sounds = [made.ready(word, language) for word in words]
        assert all(sounds)
        heard = await played(asterisk, [sound for sound in sounds if sound])
    expected = [samples(made, sound) for sound in sounds if sound]
    assert all(abs(played - wanted) <= 160 for played, wanted in zip(heard, expected, strict=True)), (heard, expected)
