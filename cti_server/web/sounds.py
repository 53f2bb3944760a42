"""Prompts over HTTP for an Asterisk that does not share our disk (res_http_media_cache). Names are content hashes: not
listed, not guessable, nothing personal but spoken addresses; bind the port where only Asterisk and users can reach it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from aiohttp import web

SoundFile = Callable[[str, str], Path | None]


def add_sounds(app: web.Application, path: str, find: SoundFile) -> None:
    async def sound(request: web.Request) -> web.StreamResponse:
        file = find(request.match_info["language"], request.match_info["name"])
        if file is None or not file.is_file():
            raise web.HTTPNotFound
        return web.FileResponse(file, headers={"Cache-Control": "public, max-age=31536000, immutable"})

    app.router.add_get(f"{path}/{{language}}/{{name}}", sound)
