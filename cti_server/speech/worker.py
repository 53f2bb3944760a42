"""The process that holds one speech engine: `python -m cti_server.speech.worker pyttsx3|kokoro [MODEL]`.

Engines block, crash and hold one global state, so each lives in a process of its own (process.py starts, watches and
replaces it). One JSON line in, one out; it ends when its input ends, so it never outlives the server.

    ← {"ready": true}  or  {"error": "why not"}              once, when the engine can speak
    → {"text": "…", "language": "zh", "target": "…/x.alaw", "margin": 0.15}
    ← {"millis": 1240}  or  {"error": "what went wrong"}
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, TextIO

from cti_server.speech import audio
from cti_server.speech.texts import spoken, voice_of


class Voice(Protocol):
    """An engine inside the worker."""

    def synthesise(self, text: str, language: str) -> tuple[audio.Samples, int]:
        """Mono samples and their rate. Any exception is reported to the parent; TimeoutError ends the process."""
        ...


def voice(engine: str, model: str) -> Voice:
    if engine == "kokoro":
        from cti_server.speech.kokoro import KokoroVoice

        return KokoroVoice(Path(model))
    from cti_server.speech.espeak import Pyttsx3Voice

    return Pyttsx3Voice()


def speak(engine: Voice, wish: Mapping[str, Any]) -> dict[str, Any]:
    language = voice_of(wish["text"], wish["language"])
    samples = audio.telephone(*engine.synthesise(spoken(wish["text"], language), language), wish["margin"])
    if samples.size == 0:
        return {"error": "the engine produced silence"}
    audio.write(samples, Path(wish["target"]))
    return {"millis": samples.size * 1000 // audio.RATE}


def serve(engine: Voice, wishes: TextIO, answers: TextIO) -> None:
    _answer(answers, {"ready": True})
    for line in wishes:
        try:
            answer = speak(engine, json.loads(line))
        except TimeoutError:
            raise
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        _answer(answers, answer)


def _answer(answers: TextIO, message: Mapping[str, Any]) -> None:
    answers.write(json.dumps(message) + "\n")
    answers.flush()


def main(engine: str, model: str = "") -> None:
    """Keep the pipe for answers to ourselves: engines print on standard output."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        ready = voice(engine, model)
    except Exception as error:
        _answer(answers, {"error": f"{type(error).__name__}: {error}"})
        raise
    serve(ready, sys.stdin, answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
