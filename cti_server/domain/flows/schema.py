"""What a flow file may say: pydantic models, and from them the JSON Schema for editors.

A flow is a set of named nodes; each says what it does (`kind`) and where the call goes next. In every menu and collect
0 is a person, * repeats and # goes back; a flow cannot change that. Field names in `TARGETS` always hold a node's name.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, StringConstraints, field_validator, model_validator

from cti_server.domain.calendar import Calendar
from cti_server.domain.wrong import WrongValue, wrong

RETURN = "return"
"""A target in a subflow: go back to the flow that called it."""
_BRANCHES = (
    "to",
    "next",
    "failed",
    "back",
    "person",
    "nothing",
    "too_many",
    "otherwise",
    "open",
    "closed",
    "emergency",
)
TARGETS = frozenset((*_BRANCHES, "enough", "answered", "timed_out", "called_back", "key_exit", "refused"))
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
Key = Annotated[str, StringConstraints(pattern=r"^[1-9]$")]
QueueId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Text(RootModel[dict[Language, Annotated[str, StringConstraints(min_length=1, max_length=2000)]]]):
    """What is spoken, by language: `{zh: 报修请按1, en: to report a fault press 1}`. `{balance.arrears:amount}` is a slot."""

    model_config = ConfigDict(frozen=True)


class Expr(RootModel[str]):
    """An expression (expressions.py): `'elderly' in customer.flags`."""

    model_config = ConfigDict(frozen=True)

    @field_validator("root", mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        return repr(value) if isinstance(value, bool | int | float) or value is None else value


class Choice(Model):
    """What a key does."""

    to: Name
    label: Text = Field(description="a word or two for the agent's screen and the drawing")


def _text_keys(value: Any) -> Any:
    return {str(key): item for key, item in value.items()} if isinstance(value, dict) else value


def _check_keys(value: Any) -> Any:
    keys = _text_keys(value)
    for key in "0*#":
        if isinstance(keys, dict) and key in keys:
            raise WrongValue(wrong("key_taken", key=key))
    return keys


class _Node(Model):
    note: str = Field("", description="for the reader of the flow; never spoken")
    failed: Name | None = Field(
        None, description="node when a machine part fails; none = apology, then the fallback queue"
    )


class Say(_Node):
    """Speak and go on. A key pressed meanwhile counts for the next question."""

    kind: Literal["say"]
    say: Text
    spoken_in: dict[Language, Language] = Field({}, description="language of the call → language this text is in")
    next: Name


class _Asking(_Node):
    say: Text
    silence: Text | None = Field(None, description="said before the repeat when nothing was pressed")
    invalid: Text | None = Field(None, description="said before the repeat when the input was wrong")
    tries: int = Field(3, ge=1, le=5, description="misses after which the caller gets a person")
    first_seconds: float = Field(6.0, ge=2, le=60, description="wait for the first key, seconds")
    keys: dict[Key, Choice] = {}
    back: Name | None = Field(None, description="where # leads; none = the question before")
    person: Name | None = Field(None, description="where 0 and too many misses lead; none = the flow's")

    _keys = field_validator("keys", mode="before")(_check_keys)


class Menu(_Asking):
    """One key of several. Each key must be spoken in the text of every language, unless listed in `unspoken`."""

    kind: Literal["menu"]
    keys: dict[Key, Choice] = Field(min_length=1, max_length=9)
    unspoken: tuple[Key, ...] = Field((), description="keys announced elsewhere")
    enough: Name | None = Field(
        None, description="where too many misses lead instead of a person; only where the text itself offers 0"
    )


class Collect(_Asking):
    """Digits. # ends, * clears and repeats, # alone goes back, 0 alone is a person; `keys` are single keys alone."""

    kind: Literal["collect"]
    save: Name
    least: int = Field(1, ge=1, le=30)
    most: int = Field(ge=1, le=30)
    gap_seconds: float = Field(3.0, ge=1, le=20, description="pause after the last digit that ends the input")
    check: Literal["none", "account", "luhn"] = "none"
    read_back: bool = Field(False, description="read the digits to the caller and ask for 1 = right, 2 = again")
    secret: bool = Field(
        False, description="never recorded, stored, logged or passed on; only the next lookup may use it"
    )
    most_visits: int | None = Field(None, ge=1, le=10, description="entries to this node in one call, then too_many")
    too_many: Name | None = None
    next: Name

    @model_validator(mode="after")
    def _consistent(self) -> Collect:
        if self.least > self.most:
            raise WrongValue(wrong("least_most"))
        if (self.most_visits is None) != (self.too_many is None):
            raise WrongValue(wrong("visits_together"))
        if self.secret and self.read_back:
            raise WrongValue(wrong("secret_aloud"))
        return self


class Record(_Node):
    """Record the caller after a tone; ends at a key, silence or the limit. 0 is a person, * records again."""

    kind: Literal["record"]
    say: Text
    purpose: Literal["message", "description"]
    save: Name
    most_seconds: float = Field(120.0, ge=3, le=600)
    silence_seconds: float = Field(5.0, ge=2, le=20)
    tries: int = Field(2, ge=1, le=5)
    nothing: Name | None = Field(None, description="where silence leads after all tries; none = a person")
    next: Name


class Lookup(_Node):
    """Ask an adapter; what it found is saved as one value with fields."""

    kind: Literal["lookup"]
    adapter: Name
    query: Name
    arguments: dict[Name, Expr] = {}
    save: Name
    seconds: float = Field(5.0, gt=0, le=30)
    nothing: Name | None = Field(None, description="nothing found; none = as failed")
    next: Name


class Case(Model):
    test: Expr = Field(alias="if")
    to: Name


class When(_Node):
    """The first case whose expression holds."""

    kind: Literal["when"]
    cases: tuple[Case, ...] = Field(min_length=1)
    otherwise: Name = Field(alias="else")


class Set(_Node):
    kind: Literal["set"]
    values: dict[Name, Expr] = Field(min_length=1)
    next: Name


class Hours(_Node):
    """Branch by a calendar. `emergency` is taken when closed and `urgent` holds and the calendar allows it."""

    kind: Literal["hours"]
    calendar: Name
    urgent: Expr = Expr("false")
    save: Name | None = Field(None, description="saves open, reason, opens_date, opens_time")
    open: Name
    closed: Name
    emergency: Name | None = None


class Create(_Node):
    """Store a work order, message, callback request or complaint; `save` gets ticket_id and number."""

    kind: Literal["create"]
    what: Literal["order", "message", "callback", "complaint"]
    fields: dict[Name, Expr] = {}
    save: Name
    next: Name


class Urge(_Node):
    """Note that the caller urged an open order; no second one is made."""

    kind: Literal["urge"]
    ticket: Expr
    number: Expr
    next: Name


class Identify(_Node):
    """The caller proved who he is (account and PIN)."""

    kind: Literal["identify"]
    customer: Expr
    tier: Expr = Expr("'ordinary'")
    next: Name


class Queue(_Node):
    """Wait for an agent and talk. `answered` is where the caller goes when the agent hung up first."""

    kind: Literal["queue"]
    queue: QueueId | dict[Language, QueueId]
    say: Text | None = None
    priority: int = Field(0, ge=-10, le=10, description="added to the caller's tier priority")
    skills: dict[Name, int] = Field({}, description="skill → least level")
    language_skills: dict[Language, dict[Name, int]] = Field({}, description="more skills by language of the call")
    preferred: Expr | None = Field(None, description="agent who gets the first seconds")
    answered: Name | None = Field(None, description="after the talk; none = hang up")
    timed_out: Name | None = Field(None, description="none = the fallback queue")
    called_back: Name | None = Field(None, description="after the caller chose a callback; none = confirm and hang up")
    key_exit: Name | None = Field(None, description="the caller left the wait by a key; none = the fallback queue")
    refused: Name | None = Field(None, description="full, closed, nobody signed in; none = the fallback queue")


class Transfer(_Node):
    kind: Literal["transfer"]
    say: Text | None = None
    target: Expr
    target_kind: Literal["agent", "number", "extension"] = "number"


class Survey(_Node):
    """One key from `lowest` to `highest` about the talk that just ended."""

    kind: Literal["survey"]
    say: Text
    thanks: Text
    lowest: int = Field(1, ge=1, le=9)
    highest: int = Field(5, ge=1, le=9)
    tries: int = Field(2, ge=1, le=5)
    first_seconds: float = Field(6.0, ge=2, le=60)
    next: Name


class Subflow(_Node):
    """Run another flow with values of its own; it comes back at `return` with the values its `returns` lists."""

    kind: Literal["subflow"]
    flow: Name
    arguments: dict[Name, Expr] = {}
    save: Name | None = None
    next: Name


class SwitchLanguage(_Node):
    """Go on in `language`, or in the flow's other language when none is named."""

    kind: Literal["language"]
    language: Language | None = None
    next: Name


class Hangup(_Node):
    kind: Literal["hangup"]
    say: Text | None = None


Node = Annotated[
    Say
    | Menu
    | Collect
    | Record
    | Lookup
    | When
    | Set
    | Hours
    | Create
    | Urge
    | Identify
    | Queue
    | Transfer
    | Survey
    | Subflow
    | SwitchLanguage
    | Hangup,
    Field(discriminator="kind"),
]
ASKING = (Menu, Collect, Record, Survey)
"""Kinds that wait for the caller; the call can be resumed at them."""
WAITING = (*ASKING, Queue, Transfer)
"""Kinds that take time of the caller's: a loop through one of them is no endless loop of the machine."""


class Flow(Model):
    """One IVR flow in one or more languages."""

    name: Name
    title: Text
    languages: tuple[Language, ...] = Field(min_length=1)
    start: Name
    person: Name = Field(description="where 0 leads: a queue, or an hours node before one")
    fallback_queue: QueueId | dict[Language, QueueId] = Field(description="where callers go when a machine part fails")
    takes: tuple[Name, ...] = Field((), description="as a subflow: values given as arguments")
    returns: tuple[Name, ...] = Field((), description="as a subflow: values handed back")
    phrases: dict[Name, Text] = Field({}, description="replaces standard sentences (phrases.py) by name")
    calendars: dict[Name, Calendar] = Field({}, description="beside those of calendars.yaml")
    nodes: dict[Name, Node] = Field(min_length=1)
    version: str = Field("", description="set when loaded: hash of the content")

    def __hash__(self) -> int:
        return hash((self.name, self.version))


def json_schema() -> dict[str, Any]:
    """For editors: `# yaml-language-server: $schema=flow.schema.json`."""
    schema = Flow.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["properties"].pop("version")
    _close(schema)
    return schema


def _close(part: Any) -> None:
    """Names that match no pattern are wrong; pydantic leaves that out of the schema."""
    if isinstance(part, dict) and "patternProperties" in part:
        part["additionalProperties"] = False
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        _close(inner)
