"""Logging: structlog, one line an event, personal data only under the key `pii`, and masked there by default."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog


def mask(value: object) -> str:
    """`13900000001` → `139••••••01`; short values are masked whole."""
    text = str(value)
    return text[:3] + "•" * (len(text) - 5) + text[-2:] if len(text) > 7 else "•" * len(text)


def _mask_pii(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    pii = event.get("pii")
    if isinstance(pii, dict):
        event["pii"] = {key: mask(value) for key, value in pii.items()}
    elif pii is not None:
        event["pii"] = mask(pii)
    return event


def configure(level: str = "info", *, as_json: bool = False, show_pii: bool = False, to: TextIO | None = None) -> None:
    """Set up once at start. `show_pii` is for a machine under an administrator's eyes only."""
    renderer: Any = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if show_pii else [_mask_pii]),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(to or sys.stderr),
        cache_logger_on_first_use=False,
    )
