"""The ACD: which agent gets which caller (pure; the rules stand in rules.py)."""

from cti_server.domain.routing.model import (
    CallbackDue,
    Decision,
    Offer,
    Overflow,
    Seat,
    TimedOut,
    Waiting,
    seat_of,
)
from cti_server.domain.routing.router import Router

__all__ = ["CallbackDue", "Decision", "Offer", "Overflow", "Router", "Seat", "TimedOut", "Waiting", "seat_of"]
