"""The recorded prompt set: which texts it must hold, what it holds, and bringing the two together.

`prompts/<language>/index.json` lists what was recorded, one text a line in order of the text: a change reads well in a diff.

    {"一百": {"key": "…", "voice": "kokoro-82m/zf_xiaoxiao", "millis": 620}, …}
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from cti_server.domain.aloud import LANGUAGES, all_pieces, is_pause
from cti_server.domain.flows.schema import Flow
from cti_server.domain.flows.texts import texts
from cti_server.domain.phrases import phrase_texts
from cti_server.errors import InvalidValue
from cti_server.speech import audio
from cti_server.speech.texts import clean, key

INDEX = "index.json"
MORE = "more.tsv"
Index = dict[str, "Recorded"]


@dataclass(frozen=True, slots=True)
class Recorded:
    """One line of the index."""

    key: str
    voice: str
    millis: int


@dataclass(frozen=True, slots=True, order=True)
class Wish:
    """A text to record; sentences first, so that a set cut short holds what hurts most to miss."""

    piece: bool
    language: str
    text: str

    @property
    def key(self) -> str:
        return key(self.text, self.language)

    @property
    def margin(self) -> float:
        return audio.PIECE_MARGIN if self.piece else audio.SENTENCE_MARGIN

    def file(self, folder: Path) -> Path:
        return folder / self.language / (self.key + audio.SUFFIX)


def wanted(flows: Iterable[Flow], more: Mapping[str, Iterable[str]] | None = None) -> set[Wish]:
    """Every text that must be recorded: of flows, of system phrases, the pieces of values, and `more` by language."""
    spoken = {language: set(phrase_texts(language)) for language in LANGUAGES}
    for flow in flows:
        for language, found in texts(flow).items():
            spoken[language] |= found
    for language, found_more in (more or {}).items():
        spoken[language] |= set(found_more)
    return {wish for language in LANGUAGES for wish in _wishes(language, spoken[language])}


def _wishes(language: str, sentences: set[str]) -> Iterable[Wish]:
    pieces = all_pieces(language)
    for text in {clean(text) for text in sentences | pieces}:
        if not is_pause(text):
            yield Wish(text in pieces, language, text)


def read_more(folder: Path) -> dict[str, list[str]]:
    """Texts from data that are spoken as they are (names, addresses): lines `zh<TAB>text` of `more.tsv`. May be absent."""
    path = folder / MORE
    found: dict[str, list[str]] = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines() if path.is_file() else (), 1):
        language, _, text = line.partition("\t")
        if line.strip() and (language not in LANGUAGES or not text.strip()):
            raise InvalidValue(f"{path} line {number}: expected a language ({', '.join(LANGUAGES)}), a tab and a text")
        if line.strip():
            found.setdefault(language, []).append(text.strip())
    return found


def missing(wishes: Iterable[Wish], folder: Path, voices: Mapping[str, str] | None = None) -> list[Wish]:
    """Those without a file and a line in the index; with `voices`, also those in another voice than these."""
    indexes = {language: read_index(folder, language) for language in LANGUAGES}

    def recorded(wish: Wish) -> bool:
        line = indexes[wish.language].get(wish.text)
        right = line is not None and (voices is None or line.voice == voices[wish.language])
        return right and wish.file(folder).is_file()

    return sorted(wish for wish in wishes if not recorded(wish))


def unused(wishes: Iterable[Wish], folder: Path) -> list[Path]:
    """Sound files of the set whose text nobody speaks any more."""
    used = {wish.file(folder) for wish in wishes}
    return sorted(path for lang in LANGUAGES for path in (folder / lang).glob("*" + audio.SUFFIX) if path not in used)


def read_index(folder: Path, language: str) -> Index:
    path = folder / language / INDEX
    if not path.is_file():
        return {}
    return {text: Recorded(**line) for text, line in json.loads(path.read_text("utf-8")).items()}


def write_index(folder: Path, language: str, index: Index) -> None:
    """Sorted, one text a line, replaced at once."""
    lines = [
        f"{json.dumps(text, ensure_ascii=False)}: {json.dumps(asdict(line), ensure_ascii=False)}"
        for text, line in sorted(index.items())
    ]
    temporary = folder / language / ".index.new"
    temporary.parent.mkdir(parents=True, exist_ok=True)
    temporary.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
    temporary.replace(folder / language / INDEX)


def tidy(wishes: Iterable[Wish], folder: Path) -> int:
    """Remove files and index lines of texts no longer used; returns how many files went."""
    wishes = set(wishes)
    stale = unused(wishes, folder)
    for path in stale:
        path.unlink()
    for language in LANGUAGES:
        used = {wish.text for wish in wishes if wish.language == language}
        index = {text: line for text, line in read_index(folder, language).items() if text in used}
        write_index(folder, language, index)
    return len(stale)
