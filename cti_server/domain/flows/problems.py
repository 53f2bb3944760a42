"""What is wrong with a flow, and where: the shape every check reports in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cti_server.errors import FlowInvalid


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """`line` counts from 1; `node` is '' for what concerns the whole file."""

    file: str
    line: int
    node: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.node + ': ' if self.node else ''}{self.message}"


def invalid(problems: Iterable[Problem]) -> FlowInvalid:
    """The error that carries all problems at once (`details['problems']`)."""
    found = sorted(set(problems))
    return FlowInvalid("\n".join(map(str, found)), problems=found)
