"""From an engine's samples to a telephone prompt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from cti_server.speech import audio


def tone(hertz: float, seconds: float, rate: int, level: float) -> audio.Samples:
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


def power(samples: audio.Samples, hertz: float) -> float:
    spectrum = np.abs(np.fft.rfft(samples)) / samples.size
    bin_ = round(hertz * samples.size / audio.RATE)
    return float(spectrum[bin_ - 2 : bin_ + 3].max())


@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000, 48_000])
@pytest.mark.parametrize("level", [0.01, 0.2, 1.0])
def test_quiet_and_loud_engines_come_out_alike(rate: int, level: float) -> None:
    prompt = audio.telephone(tone(1000, 1.0, rate, level), rate, 0.04)
    assert 20 * np.log10(audio.speech_rms(prompt)) == pytest.approx(-20, abs=0.5)
    assert np.abs(prompt).max() <= audio.PEAK + 1e-6


def test_a_click_does_not_make_the_prompt_clip() -> None:
    samples = tone(1000, 1.0, 8000, 0.05)
    samples[4000:4010] = 1.0
    assert np.abs(audio.telephone(samples, 8000, 0.04)).max() <= audio.PEAK + 1e-6


def test_only_the_telephone_band_is_left() -> None:
    mixed = tone(60, 1.0, 24_000, 0.2) + tone(1000, 1.0, 24_000, 0.2) + tone(6000, 1.0, 24_000, 0.2)
    prompt = audio.telephone(mixed, 24_000, 0.0)
    assert power(prompt, 60) < 0.01 * power(prompt, 1000)
    assert power(prompt, 2000) < 0.01 * power(prompt, 1000)  # 6 kHz folded back would stand here


@pytest.mark.parametrize(("silence", "margin"), [(0.5, 0.04), (0.5, 0.15), (0.0, 0.15)])
def test_silence_at_the_ends_is_what_was_asked_for(silence: float, margin: float) -> None:
    quiet = np.zeros(int(silence * 24_000), dtype=np.float32)
    prompt = audio.telephone(np.concatenate([quiet, tone(800, 0.5, 24_000, 0.3), quiet]), 24_000, margin)
    assert prompt.size / audio.RATE == pytest.approx(0.5 + 2 * margin, abs=0.03)


def test_silence_stays_silence() -> None:
    assert audio.telephone(np.zeros(24_000, dtype=np.float32), 24_000, 0.04).size == 0
    assert audio.telephone(np.zeros(0, dtype=np.float32), 24_000, 0.04).size == 0


def test_a_file_is_read_back_as_written(tmp_path: Path) -> None:
    samples = tone(1000, 0.3, 8000, 0.3)
    path = tmp_path / "new/folder/x.alaw"
    audio.write(samples, path)
    assert path.stat().st_size == samples.size  # one byte a sample and no header: what Asterisk calls alaw
    assert np.abs(audio.read(path) - samples).max() < 0.02
    assert [p.name for p in path.parent.iterdir()] == ["x.alaw"]


def test_a_failed_write_leaves_no_half_file(tmp_path: Path) -> None:
    target = tmp_path / "x.alaw"
    target.mkdir()
    with pytest.raises(OSError, match="directory"):
        audio.write(tone(1000, 0.1, 8000, 0.3), target)
    assert [p.name for p in tmp_path.iterdir()] == ["x.alaw"]


def test_any_usual_recording_is_read_as_mono(tmp_path: Path) -> None:
    path = tmp_path / "own.flac"
    soundfile.write(path, np.stack([tone(500, 0.2, 44_100, 0.5)] * 2, axis=1), 44_100)
    samples, rate = audio.read_any(path)
    assert (samples.ndim, rate) == (1, 44_100)
