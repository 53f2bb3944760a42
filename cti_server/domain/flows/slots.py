"""Texts cut at their slots: `您的余额为{balance.balance:amount}。` is the piece `您的余额为` and a slot.

A text is cut at slots only: the fewer joins, the more it sounds like a person. A slot's kind is one of domain/aloud.py's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from cti_server.domain.aloud import KINDS
from cti_server.domain.wrong import Refused, wrong

EXAMPLE = "{account.balance:amount}"
_SLOT = re.compile(r"\{([^{}]*)\}")
_SLOT_BODY = re.compile(r"^([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*):([a-z]+)$")


@dataclass(frozen=True, slots=True)
class Slot:
    path: str
    kind: str


@lru_cache(maxsize=4096)
def parts(text: str) -> tuple[str | Slot, ...]:
    """The static pieces and slots of a text in one language. Raises InvalidValue for a slot that cannot be right."""
    found: list[str | Slot] = []
    for index, piece in enumerate(_SLOT.split(text)):
        if index % 2:
            found.append(_slot(piece))
        elif static := _static(piece):
            found.append(static)
    return tuple(found)


def _slot(body: str) -> Slot:
    match = _SLOT_BODY.match(body)
    if match is None:
        raise Refused(wrong("slot_form", slot=f"{{{body}}}", example=EXAMPLE))
    if match[2] not in KINDS:
        raise Refused(wrong("slot_kind", slot=f"{{{body}}}", kind=match[2], names=", ".join(KINDS)))
    return Slot(match[1], match[2])


def _static(piece: str) -> str:
    if "{" in piece or "}" in piece:
        raise Refused(wrong("bracket", example=EXAMPLE))
    piece = piece.strip().lstrip("，。；、,.; ")
    return piece if any(character.isalnum() for character in piece) else ""
