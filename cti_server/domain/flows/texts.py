"""What a flow says: static pieces recorded ahead, and slots filled with words while the caller is on the line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cti_server.domain.aloud import aloud
from cti_server.domain.flows.graph import walk
from cti_server.domain.flows.phrases import STANDARD, phrase
from cti_server.domain.flows.schema import Flow, Say, Text
from cti_server.domain.flows.slots import Slot, parts
from cti_server.errors import InvalidValue


def words(text: Text, language: str, get: Callable[[str], Any]) -> tuple[str, ...]:
    """The pieces to speak. Raises InvalidValue when a slot has no value or one that cannot be read as its kind."""
    spoken: list[str] = []
    for part in parts(text.root[language]):
        spoken += [part] if isinstance(part, str) else aloud(part.kind, _value(part, language, get), language)
    return tuple(spoken)


def _value(slot: Slot, language: str, get: Callable[[str], Any]) -> Any:
    value = get(slot.path)
    if isinstance(value, Mapping):
        value = value.get(language)
    if value is None or value == "":
        raise InvalidValue(f"nothing to say for {slot.path}")
    return value


def texts(flow: Flow) -> dict[str, set[str]]:
    """Language → every static piece the flow can speak, its standard sentences included; these are recorded ahead."""
    spoken: dict[str, set[str]] = {language: set() for language in flow.languages}
    for language, text in spoken_texts(flow):
        spoken.setdefault(language, set()).update(part for part in parts(text) if isinstance(part, str))
    return spoken


def spoken_texts(flow: Flow) -> Iterator[tuple[str, str]]:
    """(language it is spoken in, text) of everything that can be said; labels and titles are not spoken."""
    for node in flow.nodes.values():
        for path, value in walk(node):
            if isinstance(value, Text) and path[-1] != "label":
                spoken_in = node.spoken_in if isinstance(node, Say) else {}
                yield from ((spoken_in.get(language, language), text) for language, text in value.root.items())
    for name in STANDARD:
        yield from (
            (language, text) for language, text in phrase(flow, name).root.items() if language in flow.languages
        )
