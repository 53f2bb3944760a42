"""Kokoro-82M through ONNX: the voice of the recorded prompts. Only for use inside the worker process.

The model's folder holds the ONNX file, `vocab.json` (phoneme → token) and `voices/<name>.bin` (float32, n × 256: one style
per number of tokens). Chinese becomes phonemes by misaki, English by espeak-ng's IPA mapped to Kokoro's letters.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cti_server.errors import InvalidValue
from cti_server.speech import audio
from cti_server.speech.phonemes import chinese, english
from cti_server.speech.voices import KOKORO

RATE = 24_000
MOST_TOKENS = 400
"""The model takes 510; shorter sentences sound better."""
SPEED = {"zh": 1.0, "en": 1.0}
GAP_SECONDS = 0.15
_SENTENCE = re.compile(r"(?<=[。！？!?；;])|(?<=\.)\s")


class KokoroVoice:
    """See worker.Voice."""

    def __init__(self, model: Path) -> None:
        files = {
            "onnx": next(iter(sorted(model.glob("*.onnx"))), model / "kokoro.onnx"),
            "vocab": model / "vocab.json",
            **{language: model / "voices" / f"{name}.bin" for language, name in KOKORO.items()},
        }
        check_sums(model, list(files.values()))
        self._vocab: dict[str, int] = json.loads(files["vocab"].read_text("utf-8"))["vocab"]
        self._styles = {lang: np.fromfile(files[lang], dtype=np.float32).reshape(-1, 1, 256) for lang in KOKORO}
        self._session = _session(files["onnx"])

    def synthesise(self, text: str, language: str) -> tuple[audio.Samples, int]:
        parts: list[audio.Samples] = []
        for sentence in _sentences(text):
            tokens = [self._vocab[p] for p in self.phonemes(sentence, language) if p in self._vocab][:MOST_TOKENS]
            if tokens:
                parts += [audio.trimmed(self._speak(tokens, language), GAP_SECONDS)]
        return (np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)), RATE

    def phonemes(self, text: str, language: str) -> str:
        return chinese(text) if language == "zh" else english(text)

    def _speak(self, tokens: list[int], language: str) -> audio.Samples:
        styles = self._styles[language]
        inputs = {
            "tokens": np.array([[0, *tokens, 0]], dtype=np.int64),
            "style": styles[min(len(tokens), len(styles)) - 1],
            "speed": np.array([SPEED[language]], dtype=np.float32),
        }
        return np.asarray(self._session.run(None, inputs)[0], dtype=np.float32).reshape(-1)


def check_sums(model: Path, files: list[Path]) -> None:
    """Compare files with the SHA256SUMS beside or above them. Raises InvalidValue that names what is missing or wrong."""
    sums = next((path for path in (model / "SHA256SUMS", model.parent / "SHA256SUMS") if path.is_file()), None)
    if sums is None:
        raise InvalidValue(f"no SHA256SUMS in {model} or above it: cannot tell whether the model is whole")
    known = {(sums.parent / name).resolve(): digest for digest, name in _sums(sums)}
    for path in files:
        if not path.is_file():
            raise InvalidValue(f"the Kokoro model lacks {path}")
        if hashlib.sha256(path.read_bytes()).hexdigest() != known.get(path.resolve()):
            raise InvalidValue(f"{path} is not what SHA256SUMS says; fetch the model again")


def _sums(path: Path) -> Iterator[tuple[str, str]]:
    for line in path.read_text("utf-8").splitlines():
        digest, _, name = line.partition("  ")
        yield digest, name.removeprefix("*")


def _sentences(text: str) -> Iterator[str]:
    """One model run each: a whole paragraph at once loses its breath. Long ones are cut at commas."""
    for sentence in _SENTENCE.split(text):
        if len(sentence) <= 80 or not re.search("[，,]", sentence):
            yield sentence
        else:
            yield from re.split(r"(?<=[，,])", sentence) if len(sentence) > 160 else [sentence]


def _session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
