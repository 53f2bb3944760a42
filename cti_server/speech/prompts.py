"""Recorded prompts: `ivr_flows/prompts/<language>/<key>.alaw`, and an administrator's own in `…/<language>/custom/`.

The key names the text (texts.key), so a changed text is a prompt without a recording, never an old one. An own
recording is named by the key, by the text itself (texts.slug) or by the name of a system phrase, and may be of any
kind soundfile reads. All of them are published into the one folder that Asterisk sees, beside the rendered ones.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import soundfile
import structlog

from cti_server.domain.aloud import LANGUAGES
from cti_server.domain.phrases import PHRASES
from cti_server.speech import audio
from cti_server.speech.texts import key, slug

log = structlog.get_logger(__name__)

PAUSES = {"pause-short": 0.2, "pause-long": 0.4}
"""Sounds of pieces that are punctuation only, seconds."""
LONG_PAUSE = frozenset("。.!！?？…;；")


def pause(text: str) -> str:
    return "pause-long" if LONG_PAUSE & set(text) else "pause-short"


def publish(recorded: Path, sounds: Path) -> dict[str, frozenset[str]]:
    """Bring `sounds` in step with the recordings; returns language → names (without suffix) that can be played.

    Blocks on the disk. A recording that cannot be read is logged and left out. Raises OSError when `sounds` cannot be
    written.
    """
    published = {}
    for language in LANGUAGES:
        (sounds / language).mkdir(parents=True, exist_ok=True)
        for name, seconds in PAUSES.items():
            _write_once(sounds / language / (name + audio.SUFFIX), seconds)
        for source in (recorded / language).glob("*" + audio.SUFFIX):
            _link(source, sounds / language / source.name)
        _publish_own(recorded / language / "custom", sounds / language)
        published[language] = frozenset(path.stem for path in (sounds / language).glob("*" + audio.SUFFIX))
    return published


def own_name(name: str) -> str:
    """File name of an own recording in the sounds folder: ASCII, whatever the administrator called it."""
    return "own-" + key(name, "own")


@lru_cache(maxsize=8192)
def own_names(text: str, language: str) -> tuple[str, ...]:
    """The names under which an own recording of a text may be found, the most exact first."""
    names = (key(text, language), slug(text), _PHRASE_NAMES.get((language, text)))
    return tuple(own_name(name) for name in names if name)


def _phrase_names() -> Mapping[tuple[str, str], str]:
    return {(language, text): name for name, texts in PHRASES.items() for language, text in texts.items()}


_PHRASE_NAMES = _phrase_names()


def _write_once(target: Path, seconds: float) -> None:
    if not target.exists():
        audio.write(audio.silence(seconds), target)


def _link(source: Path, target: Path) -> None:
    """The same file under a second name, or a copy where the folders are on two file systems."""
    if _same_age(source, target):
        return
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    try:
        temporary.hardlink_to(source)
    except OSError:
        shutil.copy2(source, temporary)
    temporary.replace(target)
    temporary.unlink(missing_ok=True)  # rename does nothing when both names are already the same file


def _same_age(source: Path, target: Path) -> bool:
    return target.exists() and target.stat().st_mtime_ns == source.stat().st_mtime_ns


def _publish_own(folder: Path, sounds: Path) -> None:
    wanted = {own_name(source.stem): source for source in sorted(folder.glob("*.*")) if source.is_file()}
    for stale in sounds.glob("own-*" + audio.SUFFIX):
        if stale.stem not in wanted:
            stale.unlink()
    for name, source in wanted.items():
        _convert(source, sounds / (name + audio.SUFFIX))


def _convert(source: Path, target: Path) -> None:
    if _same_age(source, target):
        return
    try:
        samples = audio.telephone(*audio.read_any(source), audio.SENTENCE_MARGIN)
    except (soundfile.SoundFileError, OSError) as error:
        log.error("own_recording_unreadable", file=source.name, reason=str(error))
        return
    if samples.size == 0:
        log.error("own_recording_silent", file=source.name)
        return
    audio.write(samples, target)
    stat = source.stat()
    os.utime(target, ns=(stat.st_atime_ns, stat.st_mtime_ns))
