"""Nodes that bring the caller to a person: queue, transfer, and the last resort when the machine fails."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from cti_server.domain.flows import effects
from cti_server.domain.flows.asking import enter
from cti_server.domain.flows.phrases import phrase
from cti_server.domain.flows.schema import Queue, Transfer
from cti_server.domain.flows.state import MOST_QUEUES, NodeFailed, State, Step
from cti_server.domain.ids import AgentId, QueueName

_Waiting = Generator[effects.Effect, Any, effects.QueueResult]


def queue(state: State, name: str, node: Queue) -> Step:
    if state.queued >= MOST_QUEUES:
        return (yield from no_one(state))
    if node.say and not state.resumed:
        yield effects.Say(state.words(node.say))
    yield from enter(state, name, node)
    chosen = _in_language(node.queue, state.language)
    skills = {**node.skills, **node.language_skills.get(state.language, {})}
    preferred = state.value(node.preferred) if node.preferred else None
    result = yield from _wait(state, chosen, node.priority, tuple(skills.items()), preferred)
    return (yield from _after(state, node, chosen, result))


def _in_language(queue: str | dict[str, str], language: str) -> str:
    return queue if isinstance(queue, str) else queue.get(language, next(iter(queue.values())))


def _wait(state: State, name: str, priority: int, skills: tuple[tuple[str, int], ...], preferred: object) -> _Waiting:
    state.queued += 1
    state.steps = 0
    state.offered, state.silent = True, False
    agent = AgentId(str(preferred)) if preferred else None
    result = yield effects.Enqueue(QueueName(name), priority, skills, agent)
    if not isinstance(result, effects.QueueResult):
        result = effects.QueueResult("refused")
    state.agent = result.agent_id or state.agent
    return result


def _after(state: State, node: Queue, queue: str, result: effects.QueueResult) -> Step:
    if result.outcome == "answered":
        return node.answered
    if result.outcome == "callback":
        if node.called_back is None:
            yield effects.Say(state.words(phrase(state.flow, "called_back")))
        return node.called_back
    target = {"timed_out": node.timed_out, "key_exit": node.key_exit, "refused": node.refused}[result.outcome]
    if target is not None:
        return target
    if queue == _in_language(state.flow.fallback_queue, state.language):
        return (yield from no_one(state))
    return (yield from _fall_back(state))


def transfer(state: State, name: str, node: Transfer) -> Step:
    target = state.value(node.target)
    if not target:
        raise NodeFailed("transfer has no target")
    if node.say:
        yield effects.Say(state.words(node.say))
    state.offered = True
    reached = yield effects.Transfer(str(target), node.target_kind)
    if reached is False:
        raise NodeFailed("transfer")
    return None


def last_resort(state: State) -> Step:
    """A spoken apology, then the fallback queue."""
    yield effects.Say(state.words(phrase(state.flow, "apology")))
    return (yield from _fall_back(state))


def _fall_back(state: State) -> Step:
    name = _in_language(state.flow.fallback_queue, state.language)
    result = yield from _wait(state, name, 0, (), None)
    if result.outcome == "callback":
        yield effects.Say(state.words(phrase(state.flow, "called_back")))
    elif result.outcome != "answered":
        return (yield from no_one(state))
    return None


def no_one(state: State) -> Step:
    yield effects.Say(state.words(phrase(state.flow, "no_one")))
    return None
