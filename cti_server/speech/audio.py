"""From an engine's samples to a telephone prompt: 8 kHz, telephone band, one level, trimmed, A-law.

A-law because the callers' lines are G.711: Asterisk copies the bytes (or maps them to mu-law by table) instead of encoding,
at half the size of 16-bit WAV. The files have no header, as Asterisk wants for `.alaw`.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

Samples = npt.NDArray[np.float32]

RATE = 8000
SUFFIX = ".alaw"
LOW_HZ, HIGH_HZ = 250.0, 3500.0
SPEECH_RMS = 10 ** (-20 / 20)
"""Level of speech, of full scale: what carriers' own announcements have."""
PEAK, KNEE = 10 ** (-1.5 / 20), 0.6
"""No sample is above PEAK; those above KNEE are compressed."""
SILENCE = 10 ** (-45 / 20)
FRAME = RATE // 100
PIECE_MARGIN, SENTENCE_MARGIN = 0.04, 0.15
"""Seconds of silence kept at either end: pieces of a number must flow, sentences must breathe."""


def telephone(samples: Samples, rate: int, margin: float) -> Samples:
    """Mono float samples at any rate as a prompt at 8 kHz; silence in, silence out."""
    narrow = _band(soxr.resample(samples.astype(np.float32), rate, RATE, quality="HQ"))
    return _faded(_level(trimmed(narrow, margin)))


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * RATE), dtype=np.float32)


def _band(samples: Samples) -> Samples:
    """What a telephone passes; steep but smooth edges, so that nothing rings."""
    if samples.size == 0:
        return samples
    spectrum = np.fft.rfft(samples)
    hertz = np.fft.rfftfreq(samples.size, 1 / RATE)
    gain = np.clip((hertz - LOW_HZ * 0.6) / (LOW_HZ * 0.4), 0, 1) * np.clip(
        (RATE / 2 - hertz) / (RATE / 2 - HIGH_HZ), 0, 1
    )
    return np.fft.irfft(spectrum * np.sin(gain * np.pi / 2) ** 2, samples.size).astype(np.float32)


def _frames(samples: Samples) -> Samples:
    """RMS of each 10 ms."""
    whole = samples[: samples.size // FRAME * FRAME].reshape(-1, FRAME)
    return np.sqrt(np.mean(whole.astype(np.float32) ** 2, axis=1)) if whole.size else np.zeros(0, dtype=np.float32)


def trimmed(samples: Samples, margin: float) -> Samples:
    """Without the silence at the ends, but for `margin` seconds of it (padded where there is less)."""
    frames = _frames(samples)
    loud = np.flatnonzero(frames > max(SILENCE, 0.02 * float(frames.max(initial=0.0))))
    if loud.size == 0:
        return samples[:0]
    pad = int(margin * RATE)
    start, end = int(loud[0]) * FRAME, (int(loud[-1]) + 1) * FRAME
    body = samples[max(0, start - pad) : end + pad]
    before, after = max(0, pad - start), max(0, end + pad - samples.size)
    return np.pad(body, (before, after))


def _level(samples: Samples) -> Samples:
    """At the common level; a single loud sound is bent down instead of making the whole prompt quiet."""
    level = speech_rms(samples)
    louder = samples * np.float32(SPEECH_RMS / level) if level > 0 else samples
    room = PEAK - KNEE
    bent = np.sign(louder) * (KNEE + room * np.tanh((np.abs(louder) - KNEE) / room))
    return np.where(np.abs(louder) > KNEE, bent, louder).astype(np.float32)


def speech_rms(samples: Samples) -> float:
    """RMS of the frames that hold speech; 0.0 when none does."""
    frames = _frames(samples)
    loud = frames[frames > max(1e-4, 0.1 * float(frames.max(initial=0.0)))]
    return float(np.sqrt(np.mean(loud**2))) if loud.size else 0.0


def _faded(samples: Samples) -> Samples:
    """5 ms ramps, so that no piece starts or ends with a click."""
    ramp = np.linspace(0, 1, min(RATE // 200, samples.size // 2), dtype=np.float32)
    faded = samples.copy()
    faded[: ramp.size] *= ramp
    faded[samples.size - ramp.size :] *= ramp[::-1]
    return faded


def write(samples: Samples, target: Path) -> None:
    """Write beside `target`, then rename: no reader ever sees half a file. Raises OSError or soundfile's error."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        soundfile.write(temporary, samples, RATE, format="RAW", subtype="ALAW")
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def read(path: Path) -> Samples:
    """A prompt file's samples."""
    samples, _ = soundfile.read(path, samplerate=RATE, channels=1, format="RAW", subtype="ALAW", dtype="float32")
    return np.asarray(samples, dtype=np.float32)


def read_any(path: Path) -> tuple[Samples, int]:
    """A recording of any usual kind (WAV, FLAC, Ogg, MP3; `.alaw` as we write it), mixed to mono, and its rate."""
    if path.suffix == SUFFIX:
        return read(path), RATE
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return np.asarray(samples.mean(axis=1), dtype=np.float32), int(rate)
