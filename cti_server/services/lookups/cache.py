"""Answers kept for a short time, a bounded number of them: the oldest used goes first."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from cti_server.clock import Clock


def cache_key(query: str, arguments: Mapping[str, Any]) -> str:
    return json.dumps([query, arguments], sort_keys=True, default=str)


class AnswerCache:
    def __init__(self, entries: int, clock: Clock) -> None:
        self._most, self._clock = entries, clock
        self._answers: OrderedDict[str, tuple[float, Mapping[str, Any]]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: str) -> Mapping[str, Any] | None:
        """A fresh copy; None when not kept or too old."""
        until, answer = self._answers.get(key, (0.0, None))
        if answer is None or until <= self._clock.monotonic():
            self._answers.pop(key, None)
            return None
        self._answers.move_to_end(key)
        return dict(answer)

    def put(self, key: str, answer: Mapping[str, Any], seconds: float) -> None:
        self._answers[key] = (self._clock.monotonic() + seconds, dict(answer))
        self._answers.move_to_end(key)
        while len(self._answers) > self._most:
            self._answers.popitem(last=False)
