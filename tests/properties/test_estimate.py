"""The estimated wait: agents of several queues count once, however many queues they serve."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from cti_server.domain.ids import SECOND, AgentId, CallId, QueueName, VisitId
from cti_server.domain.queues import Queue
from cti_server.domain.routing import Router, Seat, Waiting

NAMES = [QueueName(name) for name in "abc"]
HANDLE = 180 * SECOND
callers = st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 2), st.integers(0, 50)), min_size=1, max_size=12)
teams = st.lists(st.tuples(st.sets(st.sampled_from(NAMES), min_size=1), st.booleans()), max_size=6)


def router(people: list[tuple[QueueName, int, int]], team: list[tuple[set[QueueName], bool]]) -> Router:
    made = Router({name: Queue(name=name) for name in NAMES})
    for number, (queues, likely) in enumerate(team):
        seat = Seat(agent_id=AgentId(str(number)), queues=dict.fromkeys(queues, 5), available=False, likely=likely)
        made.seat(seat)
    for number, (queue, priority, entered) in enumerate(people):
        made.join(
            Waiting(
                visit_id=VisitId(f"v{number:02}"),
                call_id=CallId(f"c{number}"),
                queue=queue,
                priority=priority,
                entered_at=entered,
                joined_at=entered,
            ),
            100,
        )
    return made


def ahead(people: list[tuple[QueueName, int, int]], number: int, queues: set[QueueName]) -> int:
    """Who is served before this caller in these queues, counted one by one."""

    def place(other: int) -> tuple[int, int, str]:
        return (-people[other][1], people[other][2], f"v{other:02}")

    return sum(people[n][0] in queues and place(n) < place(number) for n in range(len(people)))


@given(callers, teams)
def test_each_agent_is_shared_by_those_before_the_caller(
    people: list[tuple[QueueName, int, int]], team: list[tuple[set[QueueName], bool]]
) -> None:
    made = router(people, team)
    for number, (queue, _, _) in enumerate(people):
        own = ahead(people, number, {queue}) + 1
        likely = [queues for queues, takes_calls in team if takes_calls and queue in queues]
        estimate = made.estimate(VisitId(f"v{number:02}"), 100, HANDLE)
        if not likely:
            assert estimate is None
            continue
        assert estimate is not None
        everybody = ahead(people, number, set(NAMES)) + 1
        assert own * HANDLE // len(likely) <= estimate <= everybody * HANDLE / len(likely)
        if all(queues == {queue} for queues in likely):
            assert estimate == own * HANDLE // len(likely)
        if all(queues == set(NAMES) for queues in likely):
            assert estimate == everybody * HANDLE // len(likely)


@given(callers, teams, st.sampled_from(NAMES))
def test_a_caller_elsewhere_never_shortens_the_wait_and_lengthens_it_only_over_a_shared_agent(
    people: list[tuple[QueueName, int, int]], team: list[tuple[set[QueueName], bool]], where: QueueName
) -> None:
    last = len(people) - 1
    people[last] = (people[last][0], 0, 60)
    visit = VisitId(f"v{last:02}")
    before = router(people, team).estimate(visit, 100, HANDLE)
    more = router([*people, (where, 2, 0)], team).estimate(visit, 100, HANDLE)
    shared = any(likely and {where, people[last][0]} <= queues for queues, likely in team)
    if before is None or more is None:
        assert before is more is None
    elif shared:
        assert more > before
    else:
        assert more == before
