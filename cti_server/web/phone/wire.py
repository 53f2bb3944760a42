"""Wire models of phones."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cti_server.services.guide import Step
from cti_server.web.api.wishes import OfAgent
from cti_server.web.wire import Args, Plain, Wire

PhoneKind = Literal["desk", "softphone"]


class PhoneChoice(OfAgent):
    use: PhoneKind


class ConsultStep(OfAgent):
    """`complete`: caller and colleague go on without the agent; `join`: all three talk; `swap`: to the other of the two;
    `cancel`: back to the caller alone."""

    step: Literal["complete", "join", "swap", "cancel"]


class PhoneSocket(Args):
    """`page` is a name the page makes up when it loads; pages that give none count as one."""

    page: Plain = Field(default="", max_length=64)


class Drop(OfAgent):
    """`party` is the consult_id of one who has joined; null ends the conference: all but the caller are hung up on."""

    party: Plain | None = Field(default=None, max_length=64)


class SipAccount(Wire):
    """What a phone in the page signs in with; `websocket` is a path of this server."""

    uri: str
    user: str
    password: str
    websocket: str


class Phone(Wire):
    """`account` is None when this server knows no softphone for the agent. `desk` and `softphone`: registered now."""

    use: PhoneKind
    desk: bool = False
    softphone: bool = False
    account: SipAccount | None = None


class DemoCaller(Wire):
    """Somebody a newcomer may call as."""

    number: str
    name: str


class DemoPhone(Wire):
    """`languages`: what a dialled number speaks first."""

    account: SipAccount
    callers: list[DemoCaller] = Field(default=[])
    dids: list[str] = Field(default=[])
    languages: dict[str, str] = Field(default={})


class DemoCall(Args):
    caller: str = Field(pattern=r"^[0-9]{5,15}$")


class DemoKey(Wire):
    """`label` by language; empty = the key says it itself."""

    key: str
    label: dict[str, str] = Field(default={})


class DemoAsked(Wire):
    """What the call is being asked now."""

    step: Step
    keys: list[DemoKey] = Field(default=[])
    secret: bool = False


class DirectoryAgent(Wire):
    agent_id: Plain
    name: str
    free: bool = False
    state: Literal["free", "talking", "wrap_up", "paused", "away", "signed_out"] = "signed_out"
    signed_in: bool = False


class DirectoryQueue(Wire):
    name: str
    title: dict[str, str] = Field(default={})
    code: str = ""
    ready: int = 0
    waiting: int = 0


class DirectoryNumber(Wire):
    """Outside; an administrator keeps them."""

    number: str
    name: str
    group: str = ""


class Directory(Wire):
    """Whom a caller can be sent to, and agents can call; other numbers are typed."""

    agents: list[DirectoryAgent] = Field(default=[])
    queues: list[DirectoryQueue] = Field(default=[])
    numbers: list[DirectoryNumber] = Field(default=[])
