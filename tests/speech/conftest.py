"""Speech engines of a test's own, ended with it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from cti_server.speech.process import SpeechProcess, pyttsx3_engine


@pytest.fixture
async def engine() -> AsyncIterator[SpeechProcess]:
    """The real pyttsx3 worker."""
    process = pyttsx3_engine()
    yield process
    await process.close()
