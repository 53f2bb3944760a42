"""Which rendered prompts go when there are too many: those not used for longest, never one somebody may be hearing.

A file's modification time is when it was last used; it is written before each pruning, not at each use.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from cti_server.domain.ids import SECOND, Micros
from cti_server.speech import audio

IN_USE: Micros = 3600 * SECOND
"""A prompt handed out less long ago may still be played, or be about to."""
Name = tuple[str, str]
"""Language and file name without suffix."""


def oldest(sounds: Path, recorded: Path, used: Mapping[Name, Micros], most: int) -> list[Name]:
    """Rendered prompts beyond the `most` used last, oldest first; recordings are not rendered and stay. Blocks."""
    times = dict(_rendered(sounds, recorded))
    for name in used.keys() & times.keys():
        times[name] = max(times[name], used[name])
        _touch(file_of(sounds, name), times[name])
    return sorted(times, key=lambda name: (times[name], name))[: max(0, len(times) - most)]


def file_of(sounds: Path, name: Name) -> Path:
    return sounds / name[0] / (name[1] + audio.SUFFIX)


def _rendered(sounds: Path, recorded: Path) -> Iterable[tuple[Name, Micros]]:
    for folder in (path for path in sounds.iterdir() if path.is_dir()):
        recordings = {path.name for path in (recorded / folder.name).glob("*" + audio.SUFFIX)}
        for file in folder.glob("*" + audio.SUFFIX):
            if file.name not in recordings and not file.name.startswith(("own-", "pause-")):
                yield (folder.name, file.stem), file.stat().st_mtime_ns // 1000


def _touch(file: Path, at: Micros) -> None:
    os.utime(file, ns=(at * 1000, at * 1000))
