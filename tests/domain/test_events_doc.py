"""docs/events.md lists every fact with its fields, as the program has them.

To write it anew: PYTHONPATH=tests/domain python -c "import test_events_doc as t; t.DOC.write_text(t.expected())"
"""

from __future__ import annotations

import inspect
from pathlib import Path

from cti_server.domain.facts import KINDS, PII, schema

DOC = Path(__file__).parents[2] / "docs" / "events.md"
HEAD = """# Facts

Everything that happens is a fact on one timeline. Each is stored once, in order, and sent to live clients as it is recorded:
`event` (the id to resume from), `kind`, `at`, `data`. Times are whole microseconds since 1970 UTC, durations microseconds too.
A field with `null` may be empty. Fields that can identify a person, and are masked in logs: {pii}.

This page is compared with the program by a test.
"""


def expected() -> str:
    """The whole page."""
    pii = ", ".join(f"`{name}`" for name in sorted(PII))
    return HEAD.format(pii=pii) + "".join(_section(kind, fields) for kind, fields in sorted(schema().items()))


def _section(kind: str, fields: dict[str, str]) -> str:
    about = inspect.getdoc(KINDS[kind]) if KINDS[kind].__doc__ else None
    about = None if about is None or about.startswith(f"{kind}(") else about  # dataclasses write one of their own
    rows = "".join(f"| `{name}` | {hint.replace('|', '&#124;')} |\n" for name, hint in fields.items())
    return f"\n## {kind}\n\n{about + chr(10) * 2 if about else ''}| field | type |\n|---|---|\n{rows}"


def test_every_fact_stands_in_the_page_as_it_is() -> None:
    assert DOC.read_text() == expected()
