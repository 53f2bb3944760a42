"""Lines of a real queue_log, by hand and in files that are rotated under the reader."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from cti_server.asterisk.queue_log import QueueLog, StayReader
from cti_server.domain.fallback import FallbackStay, call_id_of_stay
from cti_server.domain.ids import SECOND

T = 1_780_000_000


def lines(*events: str) -> list[str]:
    return [f"{T + int(at)}|{rest}\n" for at, _, rest in (event.partition("|") for event in events)]


ANSWERED = lines(
    "0|1.1|cti-vip|NONE|ENTERQUEUE||+8613900000011|1",
    "3|1.1|cti-vip|PJSIP/1001|RINGNOANSWER|3000",
    "4|1.1|cti-vip|PJSIP/1002|CONNECT|4|1.2|2",
    "34|1.1|cti-vip|PJSIP/1002|COMPLETEAGENT|4|30|1",
)
LEFT = lines("5|1.3|cti-fallback|NONE|ENTERQUEUE||13900000012|1", "9|1.3|cti-fallback|NONE|ABANDON|1|1|4")


def read(text: list[str], since: int = 0) -> list[tuple[str, str, int, int, str]]:
    stays = StayReader(since * SECOND).feed(text)
    return [(s.caller, s.outcome, s.entered // SECOND - T, s.ended // SECOND - T, s.endpoint) for s in stays]


def test_who_answered_and_who_left() -> None:
    told = [("+8613900000011", "answered", 0, 34, "1002"), ("13900000012", "abandoned", 5, 9, "")]
    assert read(ANSWERED + LEFT) == told
    mixed = sorted(ANSWERED + LEFT, key=lambda line: int(line.split("|")[0]))
    assert sorted(read(mixed)) == sorted(told)


def test_other_queues_and_older_lines_are_not_ours() -> None:
    assert not read([line.replace("cti-vip", "support") for line in ANSWERED])
    assert not read(ANSWERED, since=T + 1)
    assert not read(ANSWERED[:3])


def test_a_restart_of_asterisk_ends_every_stay() -> None:
    assert read(ANSWERED[:3] + lines("50|NONE|NONE|NONE|QUEUESTART|")) == [
        ("+8613900000011", "answered", 0, 50, "1002")
    ]
    assert [stay[1] for stay in read([*LEFT[:1], *lines("50|NONE|NONE|NONE|QUEUESTART|"), *LEFT[1:]])] == ["unknown"]


@given(st.lists(st.text(alphabet="|0179NOE.ABDCTQUR\x00é\n", max_size=40)))
def test_no_line_breaks_the_reader(noise: list[str]) -> None:
    assert set(read(ANSWERED + noise + LEFT)) >= {("+8613900000011", "answered", 0, 34, "1002")}


def ids(stays: list[FallbackStay]) -> list[str]:
    return [call_id_of_stay("pbx", stay) for stay in stays]


def test_rotated_and_emptied_files_give_each_stay_once(tmp_path: Path) -> None:
    path = tmp_path / "queue_log"
    path.write_text("".join(ANSWERED[:2]))
    log = QueueLog(path, 0)
    assert not log.read()
    with path.open("a") as stream:
        stream.write("".join(ANSWERED[2:])[:-20])  # a line half written
    assert not log.read()
    with path.open("a") as stream:
        stream.write("".join(ANSWERED)[-20:])
    path.rename(tmp_path / "queue_log.1")
    path.write_text("".join(LEFT[:1]))
    os.utime(path, ns=((path.stat().st_mtime_ns + 10**9,) * 2))
    first = log.read()
    assert [stay.endpoint for stay in first] == ["1002"]
    with path.open("a") as stream:
        stream.write(LEFT[1])
    second = log.read()
    assert [stay.outcome for stay in second] == ["abandoned"]
    assert not log.read()
    path.write_text("")  # copytruncate
    assert not log.read()
    # another server, later: the older file is compressed, the ids are the same
    (tmp_path / "queue_log.1").unlink()
    with gzip.open(tmp_path / "queue_log.2.gz", "wt") as old:
        old.write("".join(ANSWERED + LEFT))
    assert ids(QueueLog(path, 0).read()) == ids(first + second)


def test_files_from_before_are_not_opened(tmp_path: Path) -> None:
    old = tmp_path / "queue_log.7"
    old.write_text("".join(ANSWERED))
    os.utime(old, (T, T))
    old.chmod(0)
    assert not QueueLog(tmp_path / "queue_log", (T + 1) * SECOND).read()
