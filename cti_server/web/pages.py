"""The built agent desktop: one page and its assets, from the package's own folder."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from cti_server.errors import NotFound

STATIC = Path(__file__).parent / "static"


def add_pages(app: web.Application, static: Path = STATIC) -> None:
    index = static / "index.html"

    async def page(_: web.Request) -> web.StreamResponse:
        if not index.is_file():
            raise NotFound("the agent desktop is not built; run scripts/build")
        return web.FileResponse(index, headers={"Cache-Control": "no-cache"})

    app.router.add_get("/", page)
    if (static / "assets").is_dir():
        app.router.add_static("/assets", static / "assets", append_version=False)
        app.on_response_prepare.append(_cache_assets)


async def _cache_assets(request: web.Request, response: web.StreamResponse) -> None:
    """Names of built assets contain their content's hash, so they never change."""
    if request.path.startswith("/assets/") and response.status == 200:
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
