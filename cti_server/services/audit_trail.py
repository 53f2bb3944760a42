"""The audit log as a table for a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from cti_server.domain.ids import SECOND

COLUMNS = ("at", "login", "action", "subject", "address", "before", "after")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would take for a formula when a cell begins with it (OWASP, CSV injection)."""


def as_csv(rows: Iterable[dict[str, Any]]) -> str:
    """With a byte order mark, without which spreadsheets read Chinese wrongly; times are ISO 8601 in UTC."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(COLUMNS)
    for row in rows:
        at = datetime.fromtimestamp(row["at"] / SECOND, UTC).isoformat(timespec="milliseconds")
        table.writerow([at, *(_cell(row[name]) for name in COLUMNS[1:])])
    return "\ufeff" + out.getvalue()


def _cell(value: Any) -> str:
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.startswith(FORMULA) else text
