"""The pure interpreter: walks a flow and yields what it wants done (effects.py).

States     the node at hand, its flow's values, questions asked before (state.py)
Bounds     100 questions a call, 60 nodes without a question, 10 queues: beyond, an apology and the fallback queue
Failures   a lookup, creation, transfer or unspeakable text goes to the node's `failed`, else apology and fallback queue

Emits FlowEntered, NodeEntered, MenuChosen, InputCollected, InputMissed, LanguageChosen, CallerIdentified, TicketUrged,
SurveyOffered, SurveyAnswered, FlowFailed. LookupDone, RecordingMade, TicketCreated, CallTransferred and the visit's facts are the
driver's.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any

from cti_server.domain.facts import FlowEntered, FlowFailed
from cti_server.domain.flows import asking, connecting, machine, schema
from cti_server.domain.flows.effects import CallContext, Effect, Hangup, SetLanguage
from cti_server.domain.flows.schema import RETURN, Flow
from cti_server.domain.flows.state import NodeFailed, State, Step, WornOut, restore, start
from cti_server.errors import InvalidValue

_STEPS: Mapping[type[Any], Callable[[State, str, Any], Step]] = {
    schema.Say: machine.say,
    schema.Menu: asking.menu,
    schema.Collect: asking.collect,
    schema.Record: asking.record,
    schema.Lookup: machine.lookup,
    schema.When: machine.when,
    schema.Set: machine.assign,
    schema.Hours: machine.hours,
    schema.Create: machine.create,
    schema.Urge: machine.urge,
    schema.Identify: machine.identify,
    schema.Queue: connecting.queue,
    schema.Transfer: connecting.transfer,
    schema.Survey: asking.survey,
    schema.Subflow: machine.subflow,
    schema.SwitchLanguage: machine.language,
    schema.Hangup: machine.hangup,
}
MOST_FAILURES = 5
"""Nodes with a `failed` of their own that may fail in one call before the last resort."""


def run(
    flow: Flow, flows: Mapping[str, Flow], context: CallContext, resume: Mapping[str, Any] | None = None
) -> Generator[Effect, Any, None]:
    """Effects of one call, from the flow's start or from a Checkpoint's `state`; the last one is always Hangup.

    Never raises on what a caller, a lookup or a queue does. `context.language` is the language to start in; a checkpoint
    that no longer fits the flows starts at the beginning.
    """
    if resume is None:
        state, name = start(flow, flows, context), flow.start
    else:
        state, name = restore(flow, flows, context, resume)
    yield SetLanguage(state.language)
    if not state.resumed:
        yield state.emit(FlowEntered, flow=flow.name, version=flow.version)
    yield from _walk(state, name)
    yield Hangup()


def _walk(state: State, name: str) -> Generator[Effect, Any, None]:
    target: str | None = name
    failures = 0
    while target is not None:
        here, target = target, None
        try:
            state.count_step()
            target = yield from _STEPS[type(state.flow.nodes[here])](state, here, state.flow.nodes[here])
        except (NodeFailed, WornOut, InvalidValue) as error:
            failures += 1
            yield state.emit(FlowFailed, here, error=str(error))
            failed = state.flow.nodes[here].failed
            if failed is None or failures > MOST_FAILURES or isinstance(error, WornOut):
                yield from connecting.last_resort(state)
            else:
                target = failed
        state.resumed = False
        if target == RETURN:
            target = machine.come_back(state)
