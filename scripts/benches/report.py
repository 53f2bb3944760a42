"""What every benchmark gives back, and how it is shown and kept."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """One measured thing. `ratio` compares with what `against` names; `goal` says what was to be reached, and `met` whether it
    was (None = no goal)."""

    what: str
    median: float
    unit: str
    ratio: float | None = None
    against: str = ""
    goal: str = ""
    met: bool | None = None
    note: str = ""


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of this process for `work`, which wall-clock noise of other programs does not touch."""
    start = time.process_time()
    work()
    return time.process_time() - start


def median_cpu(work: Callable[[], object], rounds: int = 7) -> float:
    """Median CPU seconds of `rounds` runs after one to warm up."""
    work()
    return statistics.median(cpu_seconds(work) for _ in range(rounds))


def table(title: str, rows: Sequence[Row]) -> str:
    cells = [("", "median", "unit", "ratio", "goal", "")] + [_cells(row) for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(6)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return "\n".join([title, *lines])


def save(folder: Path, name: str, rows: Sequence[Row]) -> Path:
    """Write `<folder>/<name>.json` and give its path back."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    machine = {"cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.machine()}
    document = {"benchmark": name, "machine": machine, "rows": [asdict(row) for row in rows]}
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    return path


def _cells(row: Row) -> tuple[str, str, str, str, str, str]:
    ratio = f"{row.ratio:.2f}× {row.against}" if row.ratio is not None else ""
    verdict = {True: "met", False: "MISSED", None: ""}[row.met]
    return (
        row.what,
        f"{row.median:,.4g}" if row.median < 1000 else f"{row.median:,.0f}",
        row.unit,
        ratio,
        row.goal,
        " ".join(filter(None, (verdict, row.note))),
    )
