"""What is wrong with a flow, and where: the shape every check reports in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cti_server.domain.wrong import Wrong
from cti_server.errors import FlowInvalid


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """`line` counts from 1; `node` is '' for what concerns the whole file, `field` '' for the whole node."""

    file: str
    line: int
    node: str
    why: Wrong
    field: str = ""

    @property
    def message(self) -> str:
        return f"{self.field}: {self.why}" if self.field else str(self.why)

    def as_json(self) -> dict[str, Any]:
        """As the page takes it: `code` and `values` for its own words, `message` where it has none."""
        place = {"file": self.file, "line": self.line, "node": self.node, "field": self.field}
        return {**place, "message": self.message, **self.why.as_json()}

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.node + ': ' if self.node else ''}{self.message}"


def invalid(problems: Iterable[Problem]) -> FlowInvalid:
    """The error that carries all problems at once (`details['problems']`)."""
    found = sorted(set(problems))
    return FlowInvalid("\n".join(map(str, found)), problems=found)
