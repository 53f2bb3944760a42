"""Settings. Every one is an environment variable `CTI_<SECTION>__<NAME>` or a line of a TOML file (`CTI_CONFIG`).

docs/settings.md lists them; a test compares the two. No default password exists: secrets have no default.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from cti_server.errors import BadSettings


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AmiSettings(_Section):
    """How we reach Asterisk's manager interface."""

    host: str = Field("127.0.0.1", description="Asterisk's manager address")
    port: int = Field(5038, ge=1, le=65535, description="Asterisk's manager port")
    username: str = Field("cti", description="manager user")
    password: SecretStr = Field(SecretStr(""), description="manager secret; required")
    auth: Literal["challenge", "plain"] = Field("challenge", description="MD5 challenge or plain login")
    tls: bool = Field(False, description="TLS to the manager port")
    tls_ca: Path | None = Field(None, description="CA file to check Asterisk's certificate with")
    ping_seconds: float = Field(5.0, gt=0, description="silence after which we ping")
    answer_seconds: float = Field(5.0, gt=0, description="how long an action may stay unanswered")
    reconnect_max_seconds: float = Field(10.0, gt=0, description="longest pause between reconnects")


class AgiSettings(_Section):
    """Where Asterisk reaches us for calls (FastAGI)."""

    host: str = Field("127.0.0.1", description="listen address")
    port: int = Field(4573, ge=0, le=65535, description="listen port; 0 = any free one")
    peers: tuple[str, ...] = Field(("127.0.0.0/8",), description="networks Asterisk may call from")
    max_line: int = Field(8192, ge=256, description="longest line we read, bytes")
    max_calls: int = Field(1000, ge=1, description="calls served at once; more go to the fallback queue")
    handshake_seconds: float = Field(5.0, gt=0, description="how long the opening variables may take")


class HttpSettings(_Section):
    """The desktop, the REST API and the WebSocket."""

    host: str = Field("127.0.0.1", description="listen address")
    port: int = Field(8080, ge=0, le=65535, description="listen port; 0 = any free one")
    public_url: str = Field("", description="address users type; empty = derived from host and port")
    session_hours: float = Field(12.0, gt=0, description="longest sign-in")
    idle_minutes: float = Field(60.0, gt=0, description="sign-in ends after this long without use")


class DatabaseSettings(_Section):
    url: str = Field(
        "sqlite+aiosqlite:///var/cti.db",
        description="SQLAlchemy address: sqlite+aiosqlite or postgresql+asyncpg",
    )
    batch_millis: int = Field(50, ge=1, le=1000, description="facts are stored at most this much later")
    memory_facts: int = Field(50_000, ge=100, description="facts kept in memory while the database is away")
    lease_seconds: float = Field(
        10.0, ge=1, description="a server not heard of for this long loses its calls to another on the same database"
    )


class PathSettings(_Section):
    data: Path = Field(Path("var"), description="what the server writes: spill file, prompt cache, logs")
    flows: Path = Field(Path("ivr_flows"), description="IVR flows (*.yaml) and recorded prompts")
    recordings: Path = Field(Path("recordings"), description="messages and recordings, as we see the folder")
    recordings_on_switch: Path | None = Field(None, description="the same folder as Asterisk sees it; none = same path")
    queue_log: Path = Field(
        Path("/var/log/asterisk/queue_log"),
        description="Asterisk's log of its own queues, as we see it: who called while no server ran",
    )
    sounds_on_switch: str = Field("", description="prompt folder as Asterisk sees it; empty = same path as ours")


class SpeechSettings(_Section):
    engine: Literal["pyttsx3", "kokoro", "none"] = Field("pyttsx3", description="live text to speech")
    kokoro_model: Path | None = Field(None, description="folder of the Kokoro model, when engine is kokoro")
    prompts_over: Literal["files", "http"] = Field(
        "files", description="how Asterisk gets prompts: shared folder or HTTP"
    )
    render_seconds: float = Field(3.0, gt=0, description="a prompt not rendered by then is replaced")
    most_cached: int = Field(
        20_000, ge=100, description="rendered prompts kept, about 20 KB each; the least used go first"
    )


class CallSettings(_Section):
    node: str = Field("asterisk", description="systemname of the Asterisk we serve")
    server: str = Field("cti", description="this server's name on the timeline")
    time_zone: str = Field("Asia/Shanghai", description="site time zone for hours, intervals and spoken dates")
    country: str = Field("CN", description="region of numbers written without country code")
    profile: Literal["power", "property", "insurer", "manufacturer", "mobile"] = Field(
        "power", description="service profile"
    )
    dids: dict[str, str] = Field(
        {"95598": "power:zh", "4008": "power:en"},
        description="dialled number → flow:language to start in; '*' catches the rest",
    )
    hours: Literal["calendar", "always"] = Field(
        "calendar", description="opening hours by the flows' calendars, or always open (demos)"
    )
    fallback_queue: str = Field("general", description="our queue for callers whose flow failed")
    trunk: str = Field("PJSIP/{number}@trunk", description="dial string of an outside number")
    outgoing_allowed: tuple[str, ...] = Field(
        ("home", "short"),
        description="outside numbers we call, for agents and back to callers, besides the directory's: home (numbers of the "
        "country, none at premium rate), short (service and emergency numbers), or prefixes such as +852",
    )
    outgoing_number: str = Field(
        "", pattern=r"^\+?[0-9]{0,20}$", description="our number as those agents call see it; empty = the first of dids"
    )
    transfer_ring_seconds: float = Field(30.0, gt=0, description="how long a transfer or outgoing call rings")
    keep_seconds: float = Field(
        20.0,
        ge=0,
        description="a caller whose agent's page was lost goes back to that agent when the page is back within this time",
    )
    keep_alone_seconds: float = Field(
        8.0,
        ge=0,
        description="so long of keep_seconds he is for that agent alone; then for whoever is free first, in his old place",
    )
    transfer_priority: int = Field(10, ge=0, description="added to the priority of callers agents send on")
    callback_attempts: int = Field(3, ge=1, description="how often we try to ring a caller back")
    callback_retry_minutes: float = Field(10.0, gt=0, description="pause between two attempts")
    tell_listening: bool = Field(False, description="agents are told when somebody listens to their talk")
    drain_seconds: float = Field(
        5.0, ge=0, description="at stop: how long running steps may take to reach a safe point"
    )

    @field_validator("outgoing_allowed")
    @classmethod
    def _prefixes(cls, rules: tuple[str, ...]) -> tuple[str, ...]:
        for rule in rules:
            if rule not in ("home", "short") and not re.fullmatch(r"\+?[0-9]{1,15}", rule):
                raise ValueError(f"{rule!r} is neither home nor short nor a prefix such as +852")
        return rules

    @property
    def shown_number(self) -> str:
        """What an agent's call shows of us."""
        return self.outgoing_number or next((did for did in self.dids if did != "*"), "0")


class PhoneSettings(_Section):
    """The softphone in the page."""

    secrets: Path | None = Field(
        None, description="JSON file of softphone passwords, endpoint to password, mode 600; none = desk phones only"
    )
    websocket: str = Field("ws://127.0.0.1:8088/ws", description="Asterisk's SIP over WebSocket, as we reach it")
    most: int = Field(500, ge=1, description="softphones connected at once")
    heartbeat_seconds: float = Field(
        2.0, ge=1, description="a softphone's page that does not answer within one and a half of these is missing"
    )
    lost_seconds: float = Field(
        2.0,
        ge=0,
        description="a missing page that is silent too may be back within this time; then its caller hears music",
    )


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="CTI_", env_nested_delimiter="__", extra="forbid", frozen=True)

    ami: AmiSettings = AmiSettings()
    agi: AgiSettings = AgiSettings()
    http: HttpSettings = HttpSettings()
    database: DatabaseSettings = DatabaseSettings()
    paths: PathSettings = PathSettings()
    speech: SpeechSettings = SpeechSettings()
    calls: CallSettings = CallSettings()
    phones: PhoneSettings = PhoneSettings()
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level logged")
    log_json: bool = Field(False, description="one JSON object a line instead of text")
    demo: bool = Field(False, description="demo only: sample data, /demo pages")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        path = os.environ.get("CTI_CONFIG")
        file = (TomlConfigSettingsSource(settings_cls, toml_file=path),) if path else ()
        return (init_settings, env_settings, *file)


def load(**overrides: object) -> Settings:
    """Settings from arguments, environment, file; raises BadSettings that names each wrong field and what it wants."""
    path = os.environ.get("CTI_CONFIG")
    if path and not Path(path).is_file():
        raise BadSettings(f"CTI_CONFIG names {path}, which is no file; correct it or unset it")
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [f"CTI_{'__'.join(str(p) for p in e['loc']).upper()}: {e['msg']}" for e in error.errors()]
        raise BadSettings("\n".join(lines)) from None
