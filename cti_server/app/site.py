"""The web application on its port, and what it says of our health."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from cti_server import __version__
from cti_server.app.calling import Calling
from cti_server.app.ground import Ground
from cti_server.app.life import Life
from cti_server.app.pages import Pages
from cti_server.app.running import Running
from cti_server.config import HttpSettings
from cti_server.errors import BadSettings
from cti_server.services.guide import Guide
from cti_server.services.phones import DEMO_ENDPOINT
from cti_server.web.app import create_app
from cti_server.web.parts import HealthCheck
from cti_server.web.sounds import add_sounds

PROMPTS_PATH = "/sounds"


def prompts_url(http: HttpSettings) -> str:
    """Where Asterisk fetches prompts, with prompts_over=http."""
    return (http.public_url.rstrip("/") or f"http://{http.host}:{http.port}") + PROMPTS_PATH


async def open_web(ground: Ground, calling: Calling, pages: Pages, health: HealthCheck, life: Life) -> int:
    """The port it listens on. Raises BadSettings when that is taken."""
    application = create_app(
        ground.settings,
        desk=pages.desk,
        users=pages.users,
        bus=ground.bus,
        facts=ground.facts,
        clock=ground.clock,
        health=health,
        phones=pages.phones,
        work=pages.work,
        administration=pages.administration,
        leader=pages.leader,
        guide=_guide(ground, calling, life),
    )
    add_sounds(application, PROMPTS_PATH, calling.speaker.file)
    return await _listen(application, ground.settings.http, life)


async def _listen(application: web.Application, http: HttpSettings, life: Life) -> int:
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    life.push_async_callback(runner.cleanup)
    try:
        await web.TCPSite(runner, http.host, http.port).start()
    except OSError as error:
        raise BadSettings(
            f"cannot listen on {http.host}:{http.port} ({error.strerror}); stop the program that uses it or set"
            " CTI_HTTP__HOST and CTI_HTTP__PORT"
        ) from error
    return int(runner.addresses[0][1])


def _guide(ground: Ground, calling: Calling, life: Life) -> Guide | None:
    if not ground.settings.demo:
        return None
    guide = Guide(DEMO_ENDPOINT, lambda: calling.flows.flows)
    life.callback(ground.bus.subscribe(guide.take))
    return guide


def health_of(ground: Ground, calling: Calling, running: Running) -> dict[str, Any]:
    """As `wire.Health`."""
    switch, journal, held = calling.switch, ground.journal, ground.membership.held
    well = switch.linked and not journal.away and held
    return {
        "status": "ok" if well else "degraded",
        "version": __version__,
        "switch_linked": switch.linked,
        "database": not journal.away,
        "calls": len(calling.calls),
        "details": {
            "switch_trouble": switch.trouble,
            "lease_held": held,
            "servers": running.takeover.servers,
            "facts_queued": journal.queued,
            "facts_spilled": journal.spilled,
            "flow_problems": [str(problem) for problem in calling.flows.problems],
        },
    }
