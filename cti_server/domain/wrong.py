"""What can be wrong with what an administrator enters: a stable code and its values, which the page says in its own language.

The English sentences here are for terminals, logs and programs; the page's stand in agent_desktop/src/words/wrong.*.ts, and a
test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cti_server.errors import InvalidValue

TEXTS: Mapping[str, str] = {
    # -- values by themselves
    "missing": "{field} is missing",
    "unknown_field": "there is no such field",
    "not_text": "write text here",
    "not_a_number": "write a number here",
    "not_whole": "write a whole number here",
    "not_yes_no": "write true or false here",
    "not_a_list": "write a list here",
    "not_a_mapping": "write `name: value` pairs here",
    "not_a_date": "write a date like 2026-10-01",
    "one_of": "one of {names}",
    "pattern": "does not fit the pattern {pattern}",
    "too_few": "at least {least}",
    "too_many": "at most {most}",
    "short_text": "at least {least} characters",
    "long_text": "at most {most} characters",
    "characters": "{least} to {most} characters",
    "more_than": "more than {least}",
    "at_least": "at least {least}",
    "less_than": "less than {most}",
    "at_most": "at most {most}",
    "between": "{least} to {most}",
    "none_of_kinds": "kind {kind} is not known; one of {names}",
    "not_accepted": "{text}",
    # -- set-up
    "name_form": "a small letter, then up to 39 small letters, digits, _ or -",
    "code_form": "a small letter, then up to 31 small letters, digits or _",
    "login_form": "1 to 64 letters, digits, dots, @, _ or -",
    "outside_form": "3 to 16 digits as they are dialled, a + before a country code",
    "agent_form": "3 to 8 digits",
    "extension_form": "up to 12 digits or *",
    "endpoint_form": "letters, digits, _ or -, at most 32",
    "file_form": "small letters, digits, _ or -, then .yaml",
    "did_form": "digits, + or *, at most 20; a single * is every other number",
    "negative": "{field} is {value}; give 0 (off) or more",
    "not_more_than_0": "{field} must be more than 0",
    "no_wrap_up": "a disposition code is wanted, but there is no wrap-up time to give it",
    "overflow_nowhere": "callers overflow, but overflow_to names no queue",
    "overflow_to_itself": "callers overflow to the same queue; name another queue",
    "circle": "callers would go round in a circle: {path}",
    "no_calendar": "there are no opening hours {name}",
    "no_queue": "there is no queue {name}",
    "no_skill": "there is no skill {name}",
    "no_agent": "there is no agent {name}",
    "relaxation": "after more than 0 and at most {most} seconds, lower by 0 to 10",
    "agents_number": "{number} is the number of an agent",
    "queues_number": "another queue is dialled by {number}",
    "dialled_by": "a queue is dialled by {number}",
    "level": "level {level} of {name} is not within 1–10",
    "same_phone": "this is the phone of agent {name}",
    "system_code": "the system uses this one itself",
    "takes_no_calls": "only agents and leaders take calls",
    "last_admin": "this is the last administrator; make another one first",
    "made_with_password": "users are made with a password",
    # -- what is still needed
    "is_fallback": "{name} is the fallback queue (setting calls.fallback_queue)",
    "overflows_here": "queue {name} overflows to {to}",
    "flow_leads_here": "flow {name} sends callers to {to}",
    "flow_asks_skill": "flow {name} asks for the skill {to}",
    "user_takes_calls": "the user {name} takes calls as {to}",
    "users_stay": "users are made inactive, not removed: what they did stays theirs",
    "queue_has_hours": "queue {name} has the opening hours {to}",
    "flow_needs_hours": "flow {name}, node {node} needs the opening hours {to}",
    "did_leads_here": "the dialled number {number} leads to flow {name}; lead it elsewhere first",
    "flow_calls_flow": "flow {name} uses flow {to} as a subflow",
    "last_flow": "this is the last flow; calls would find none",
    # -- opening hours
    "span_form": "write hours as 08:00-20:00 (or 00:00-24:00), not '{text}'",
    "span_empty": "{text} has no length; for a whole day write 00:00-24:00",
    "span_overlap": "{first} and {second} overlap; make them one or move one",
    # -- the file of a flow
    "file_long": "the file is longer than {most} characters",
    "file_empty": "the file is empty",
    "not_yaml": "not YAML: {text}",
    "alias": "aliases (*name) are not allowed; write the value out",
    "deep": "nested deeper than {most} levels",
    "twice": "{name} stands here twice; the second would replace the first",
    "version_set": "version is set by the server; remove it",
    "same_flow": "{file} has a flow named '{name}' too",
    "keeps_name": "dialled numbers lead to {name}; keep its name",
    "unreadable": "the file cannot be read: {text}",
    "not_utf8": "the file is not UTF-8 text",
    "did_nowhere": "{number} leads to '{to}', which is no flow:language in force",
    # -- a flow
    "no_start": "{field} names no node: '{name}'",
    "no_node": "{field} names no node: '{name}'",
    "no_node_meant": "{field} names no node: '{name}'; did you mean '{near}'?",
    "return_reserved": "`return` is a reserved name: it leaves a subflow",
    "unreachable": "no way leads here from the start; remove the node or link to it",
    "no_person": "0 leads to '{name}', from where no queue or transfer can be reached",
    "loop": "a loop without any question to the caller; put a menu or collect into it",
    "no_text_for": "no text for {languages}",
    "text_in_other": "text in {language}, which is not among the flow's languages",
    "phrase_for": "phrase '{name}' is needed for {languages}",
    "no_phrase": "no such phrase; phrases are {names}",
    "spoken_in": "names a language that is not among the flow's",
    "which_language": "say which language: `the other one` needs a flow of exactly two languages",
    "not_our_language": "{language} is not among the flow's languages",
    "given_by_call": "'{name}' is given by the call and cannot be overwritten; choose another name",
    "is_secret": "'{name}' is secret: only the arguments of the lookup right after it may use it",
    "never_given": "'{name}' is never given a value; known are {names}",
    "key_unspoken": "key {key} is never spoken in {language}",
    "enough": "allowed only when the text offers a person by key 0 in every language",
    "not_on_menu": "key {key} is not on this menu",
    "secret_lookup": "after secret input must come a lookup that uses '{name}'",
    "secret_name": "{names} is the name of a secret; choose another",
    "secret_handed": "'{name}' is secret and cannot be handed over",
    "no_calendar_known": "no calendar '{name}'; known are {names}",
    "no_flow": "no flow '{name}'",
    "no_queue_for": "no queue for {languages}",
    "no_queue_known": "no queue '{name}'; known are {names}",
    "key_taken": "key {key} has its meaning everywhere (0 a person, * repeat, # back); use 1 to 9",
    "least_most": "least is greater than most",
    "visits_together": "most_visits and too_many go together",
    "secret_aloud": "secret input cannot be read back aloud",
    "expression_long": "an expression has at most {most} characters; use several `when` nodes",
    "no_expression": "'{text}' is no expression; write for example: customer.tier == 'vip'",
    "expression_part": "'{text}' is not allowed in an expression",
    "only_names": "'{text}' is not allowed: only names and dotted names",
    "comparison": "only == != < <= > >= in and not in compare",
    "slot_form": "slot {slot} is not understood; write a name, a colon and a kind, for example {example}",
    "slot_kind": "slot {slot}: '{kind}' is no kind; kinds are {names}",
    "bracket": "a curly bracket without its partner; a slot is written like {example}",
}


@dataclass(frozen=True, slots=True, order=True)
class Wrong:
    """`str()` is the English sentence."""

    code: str
    values: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return TEXTS[self.code].format(**dict(self.values))

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code, "values": dict(self.values)}


def wrong(code: str, **values: object) -> Wrong:
    return Wrong(code, tuple((name, str(value)) for name, value in values.items()))


class WrongValue(ValueError):
    """Raised within pydantic's validators, which keep it as the cause."""

    def __init__(self, why: Wrong) -> None:
        super().__init__(str(why))
        self.why = why


class Refused(InvalidValue):
    """One thing is wrong; `field` is where, '' = the whole. `details` carry it for the page."""

    def __init__(self, why: Wrong, field: str = "", context: str = "") -> None:
        self.why, self.field = why, field
        where = {"fields": {field: str(why)}, "wrong": {field: why.as_json()}} if field else {"why": why.as_json()}
        super().__init__(f"{context}{field + ': ' if field else ''}{why}", **where)


def refused(found: Mapping[str, Wrong]) -> InvalidValue:
    """Several fields at once, in one error."""
    return InvalidValue(
        "; ".join(f"{name}: {why}" for name, why in found.items()),
        fields={name: str(why) for name, why in found.items()},
        wrong={name: why.as_json() for name, why in found.items()},
    )


# ---- what pydantic found ------------------------------------------------------------------------------------------

_TYPES: Mapping[str, str] = {
    "extra_forbidden": "unknown_field",
    "unexpected_keyword_argument": "unknown_field",
    "string_type": "not_text",
    "int_from_float": "not_whole",
    "literal_error": "one_of",
    "enum": "one_of",
    "string_pattern_mismatch": "pattern",
    "too_short": "too_few",
    "too_long": "too_many",
    "string_too_short": "short_text",
    "string_too_long": "long_text",
    "greater_than": "more_than",
    "greater_than_equal": "at_least",
    "less_than_equal": "at_most",
    "less_than": "less_than",
    "union_tag_invalid": "none_of_kinds",
}
_STARTS = (
    ("int", "not_whole"),
    ("float", "not_a_number"),
    ("decimal", "not_a_number"),
    ("finite", "not_a_number"),
    ("bool", "not_yes_no"),
    ("date", "not_a_date"),
    ("dict", "not_a_mapping"),
    ("mapping", "not_a_mapping"),
    ("model", "not_a_mapping"),
    ("dataclass", "not_a_mapping"),
    ("list", "not_a_list"),
    ("tuple", "not_a_list"),
)


def of_pydantic(found: Any) -> Wrong:
    """One of `ValidationError.errors()`. The value itself is never told: it may be a secret."""
    kind, place, about = found["type"], found["loc"], found.get("ctx", {})
    if kind in ("missing", "union_tag_not_found"):
        return wrong("missing", field=_word(about.get("discriminator")) or (place[-1] if place else "item"))
    cause = about.get("error")
    if isinstance(cause, WrongValue):
        return cause.why
    code = _TYPES.get(kind) or next((code for start, code in _STARTS if kind.startswith(start)), "not_accepted")
    return wrong(code, **_values(code, about, found["msg"]))


def _values(code: str, about: Mapping[str, Any], message: str) -> dict[str, object]:
    if code == "none_of_kinds":
        return {"kind": _word(about.get("tag")), "names": _word(about.get("expected_tags"))}
    if code == "one_of":
        return {"names": _word(about.get("expected"))}
    if code == "pattern":
        return {"pattern": about.get("pattern", "")}
    if code == "not_accepted":
        return {"text": message.removeprefix("Value error, ")}
    least = about.get("min_length", about.get("gt", about.get("ge")))
    most = about.get("max_length", about.get("lt", about.get("le")))
    return {name: value for name, value in (("least", least), ("most", most)) if value is not None}


def _word(text: object) -> str:
    return str(text).replace("'", "") if text is not None else ""


def by_field(errors: Iterable[Any], whole: str = "item", *, deep: bool = False) -> dict[str, Wrong]:
    """Field → what is wrong with it; with `deep` the whole path, joined by dots."""
    named = ((one, ".".join(map(str, one["loc"] if deep else one["loc"][:1])) or whole) for one in errors)
    return {name: of_pydantic(one) for one, name in named}
