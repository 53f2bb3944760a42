"""Wire models of flows as administrators edit them, and of the numbers that lead to them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from cti_server.domain.flows.rehearsal import Wants, What
from cti_server.web.wire import Args, Plain, Wire

TEXT = Field(max_length=500_000)


class FlowProblem(Wire):
    """`code` and `values` have words in the page (wrong.*); `message` is the same in English."""

    file: str
    line: int
    node: str
    field: str = ""
    code: str
    values: dict[str, str] = Field({})
    message: str


class FlowRow(Wire):
    """`saved_by` '' = the file was put there or changed by hand."""

    file: str
    flow: str | None = None
    title: dict[str, str] = Field({})
    version: str
    problems: int
    saved_by: str = ""
    saved_at: int | None = None


class MissingPrompt(Wire):
    language: str
    text: str


class Box(Wire):
    """A node; x and y are its top left corner."""

    name: str
    kind: str
    x: int
    y: int
    rows: list[str]
    full: str


class Way(Wire):
    """`path` as SVG writes it; x and y are where the label stands; `back` leads upwards."""

    start: str
    end: str
    label: str = ""
    path: str
    x: int
    y: int
    back: bool = False


class Picture(Wire):
    width: int
    height: int
    box_width: int
    box_height: int
    boxes: list[Box]
    ways: list[Way]


class FlowCheck(Wire):
    """`picture` is null while there are problems; `lines` are those the nodes begin in; `missing` are texts whose sound is made
    after the save."""

    file: str
    flow: str | None = None
    problems: list[FlowProblem] = Field([])
    picture: Picture | None = None
    lines: dict[str, int] = Field({})
    missing: list[MissingPrompt] = Field([])


class FlowText(FlowCheck):
    text: str
    seen: str


class FlowVersionRow(Wire):
    id: int
    digest: str
    at: int
    login: str = ""
    note: str = ""
    in_force: bool = False


class FlowVersionText(FlowVersionRow):
    text: str
    diff: str


class PreviewStep(Wire):
    """`words` by language; `answer` null at the question that waits for one."""

    what: What
    node: str = ""
    words: dict[str, str] = Field({})
    about: str = ""
    outcome: str = ""
    values: dict[str, Any] = Field({})
    answer: str | None = None
    secret: bool = False


class FlowPreview(Wire):
    steps: list[PreviewStep]
    wants: Wants | None = None


class FlowFiles(Wire):
    """`retired` are files kept as versions only."""

    files: list[FlowRow]
    retired: list[str] = Field([])
    templates: list[str] = Field([])


class NewFlow(Wire):
    text: str


class Dids(Wire):
    """Dialled number → `flow:language`; `*` is every other number."""

    dids: dict[str, str]
    seen: str


class SaveDids(Args):
    dids: dict[Plain, Plain] = Field(max_length=1000)
    seen: Plain = Field(max_length=64)


class StartFlow(Args):
    template: Plain = Field(max_length=40)
    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    zh: Plain = Field("", max_length=64)
    en: Plain = Field("", max_length=64)
    queue: Plain = Field("", max_length=40, description="its callers' queue; empty = the fallback queue")


class OfFile(Args):
    file: Plain = Field(min_length=6, max_length=46)


class OfVersion(OfFile):
    version: int = Field(ge=1, le=2**53)


class CheckFlow(OfFile):
    text: str = TEXT


class SaveFlow(CheckFlow):
    seen: Plain | None = Field(None, max_length=64)
    note: Plain = Field("", max_length=200)


class LookupAnswer(Args):
    outcome: Literal["found", "nothing", "failed"]
    values: dict[str, Any] = Field({}, max_length=50)


class RetireFlow(OfFile):
    seen: Plain = Field(min_length=1, max_length=64)


class PreviewFlow(CheckFlow):
    """`at` is the moment of the call, null = now."""

    caller: str = Field("", pattern=r"^\+?[0-9]{0,20}$")
    language: str = Field("zh", pattern=r"^[a-z]{2}$")
    at: int | None = Field(None, ge=0, le=4_102_444_800_000_000)
    answers: list[Plain] = Field([], max_length=200)
    found: dict[str, LookupAnswer] = Field({}, max_length=50, description="instead of the sample, by adapter.query")


ANSWERS: tuple[type[BaseModel], ...] = (
    Dids,
    FlowFiles,
    NewFlow,
    FlowRow,
    FlowCheck,
    FlowText,
    FlowVersionRow,
    FlowVersionText,
    FlowPreview,
)
