"""The web application: REST under /api/v1, the live WebSocket, the agent desktop."""

from __future__ import annotations

from aiohttp import web
from prometheus_client import CollectorRegistry

from cti_server.bus import Bus
from cti_server.clock import Clock
from cti_server.config import Settings
from cti_server.domain.ids import MINUTE
from cti_server.ports import FactStore
from cti_server.services.administration import Administration
from cti_server.services.guide import Guide
from cti_server.services.phones import Phones
from cti_server.services.work import WorkService
from cti_server.storage.passwords import Hasher
from cti_server.web import middleware
from cti_server.web.api import admin, admin_flows, agents, calls, customers, files, session, system, wishes
from cti_server.web.api import leader as leader_api
from cti_server.web.api import work as work_api
from cti_server.web.auth import Auth, SessionLimits, UserStore
from cti_server.web.desk import Desk
from cti_server.web.leader import Leader
from cti_server.web.limits import SignInLimits
from cti_server.web.live.hub import Hub
from cti_server.web.live.socket import live_route
from cti_server.web.meters import Meters
from cti_server.web.openapi import openapi_route
from cti_server.web.pages import add_pages
from cti_server.web.parts import PARTS, HealthCheck, Parts
from cti_server.web.phone import api as phone_api
from cti_server.web.phone import demo as phone_demo
from cti_server.web.phone.proxy import add_softphones
from cti_server.web.routes import Route, add_routes

BODY_BYTES = 64 * 1024

REST: tuple[Route, ...] = (
    *system.ROUTES,
    *session.ROUTES,
    *agents.ROUTES,
    *wishes.ROUTES,
    *calls.ROUTES,
    *customers.ROUTES,
    *work_api.ROUTES,
    *files.ROUTES,
    *admin.ROUTES,
    *admin_flows.ROUTES,
    *leader_api.ROUTES,
    *phone_api.ROUTES,
    *phone_demo.ROUTES,
)
WISHES: dict[str, Route] = {route.wish: route for route in REST if route.wish}
ROUTES: tuple[Route, ...] = (*REST, openapi_route(REST), live_route(WISHES))


def create_app(
    settings: Settings,
    *,
    desk: Desk,
    users: UserStore,
    bus: Bus,
    facts: FactStore,
    clock: Clock,
    health: HealthCheck,
    phones: Phones | None = None,
    work: WorkService | None = None,
    administration: Administration | None = None,
    leader: Leader | None = None,
    guide: Guide | None = None,
    hasher: Hasher | None = None,
    registry: CollectorRegistry | None = None,
) -> web.Application:
    """Call it when the bus knows the stored timeline's last id: the live stream starts there."""
    registry = registry or CollectorRegistry()
    meters = Meters(registry)
    limits = SessionLimits(int(settings.http.session_hours * 60 * MINUTE), int(settings.http.idle_minutes * MINUTE))
    auth = Auth(users, hasher or Hasher(), clock, limits, SignInLimits(clock))
    hub = Hub(bus, facts, desk, clock, meters)
    app = web.Application(
        client_max_size=BODY_BYTES,
        middlewares=[
            middleware.identify_and_measure(meters),
            middleware.errors,
            middleware.same_origin(settings.http),
        ],
    )
    app[PARTS] = Parts(settings, desk, auth, hub, clock, health, registry, phones, work, administration, leader, guide)
    app.on_response_prepare.append(middleware.add_security_headers)
    add_routes(app, ROUTES)
    add_pages(app)
    add_softphones(app)
    if settings.demo:
        phone_demo.add_demo_page(app)
    app.on_shutdown.append(_close_live)
    return app


async def _close_live(app: web.Application) -> None:
    app[PARTS].hub.close()
