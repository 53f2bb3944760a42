"""Prometheus meters of the web layer. Names carry no personal data; `route` is the pattern, never the path."""

from __future__ import annotations

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Meters:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "cti_http_requests", "HTTP requests answered", ["method", "route", "status"], registry=registry
        )
        self.seconds = Histogram(
            "cti_http_request_seconds",
            "time to answer",
            ["route"],
            registry=registry,
            buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 2.0),
        )
        self.clients = Gauge("cti_live_clients", "open live connections", registry=registry)
        self.events = Counter("cti_live_events", "facts offered to live connections", registry=registry)
        self.slow = Counter("cti_live_slow_closed", "live connections closed as too slow", registry=registry)

    def request(self, request: web.Request, status: int, seconds: float) -> None:
        resource = request.match_info.route.resource
        route = resource.canonical if resource else "none"
        self.requests.labels(request.method, route, str(status)).inc()
        if status != 101:
            self.seconds.labels(route).observe(seconds)
