"""pyttsx3 over espeak-ng 1.52, as it must be driven to be reliable. Only for use inside the worker process.

- espeak-ng comes from `espeakng_loader` and is loaded before pyttsx3 looks for it: Debian 12's 1.51 reads Chinese as letters.
- One engine a process, one utterance at a time: a second one steals the first one's callbacks.
- `runAndWait` returns before the file is written; `finished-utterance` is the moment it is complete.
- Parameters and voices are set by espeak's own thread: without `espeak_Synchronize` after each, one start in twelve on a busy
  machine speaks at the wrong rate, or nothing at all.
"""

from __future__ import annotations

import ctypes
import os
import tempfile
import threading
from pathlib import Path
from typing import Any

import espeakng_loader
import soundfile

from cti_server.speech import audio
from cti_server.speech.voices import ESPEAK, ESPEAK_RATE

UTTERANCE_SECONDS = 10.0


def load_espeak() -> ctypes.CDLL:
    """espeak-ng 1.52 with its data; the loader finds it again by its library name."""
    os.environ["ESPEAK_DATA_PATH"] = os.path.dirname(espeakng_loader.get_data_path())
    return ctypes.CDLL(espeakng_loader.get_library_path())


class Pyttsx3Voice:
    """See worker.Voice."""

    def __init__(self) -> None:
        self._library = load_espeak()
        import pyttsx3

        self._finished = threading.Event()
        self._engine: Any = pyttsx3.init()
        self._engine.connect("finished-utterance", self._done)
        self._engine.setProperty("rate", ESPEAK_RATE)
        self._settle()
        self._folder = tempfile.TemporaryDirectory(prefix="cti-speech-")

    def _settle(self) -> None:
        """Wait until espeak's thread has done all it was asked."""
        self._library.espeak_Synchronize()

    def _done(self, name: str, completed: bool) -> None:
        self._finished.set()

    def synthesise(self, text: str, language: str) -> tuple[audio.Samples, int]:
        path = Path(self._folder.name) / "utterance.wav"
        path.unlink(missing_ok=True)
        self._finished.clear()
        self._engine.setProperty("voice", ESPEAK[language])
        self._settle()
        self._engine.save_to_file(text, str(path))
        self._engine.runAndWait()
        if not self._finished.wait(UTTERANCE_SECONDS):
            raise TimeoutError("espeak-ng did not finish the utterance")
        self._settle()
        samples, rate = soundfile.read(path, dtype="float32")
        return samples, int(rate)
