"""What a flow file may say: pydantic models, and from them the JSON Schema for editors."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Flow(BaseModel):
    """One IVR flow in one or more languages."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    languages: tuple[str, ...]
    version: str = ""
    """Hash of the file's content; set when loaded."""
