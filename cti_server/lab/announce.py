"""What the demo tells a person when it is up. Pure: the ready file's facts in, text out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cti_server.lab.asterisk import CHECKOUT
from cti_server.lab.desk_phones import ANSWER_SECONDS


def announce(facts: Mapping[str, Any]) -> str:
    """The same for people."""
    sip, asterisk, data = facts["sip"], facts["asterisk"], facts["data"]
    default = Path(data) == CHECKOUT / "var/demo"
    caller = f".venv/bin/cti-server call{'' if default else f' --demo {data}'}"
    lines = [
        "",
        f"  agents' page      {facts['http']['url']}",
        f"  try-it phone      {facts['http']['url']}/demo/phone (call from the browser, no telephone needed)",
        f"  place a call      {caller} --to 95598 --from 13900000001 --script balance",
        f"                    or any SIP phone at {facts['carrier']['call_from']}: sip:95598@{sip['host']}:{sip['port']}",
        "  numbers           95598 (Chinese first), 4008 (English)",
        f"  opening hours     {'always open' if facts['hours'] == 'always' else 'by the calendar of the flows'}",
        f"  agents' phones    SIP {sip['host']}:{sip['port']} (UDP), {facts['webrtc']['url']} (browser)",
        f"  data, recordings  {data}",
        f"  logs              {facts['server']['log']}, {asterisk['folder']}/log/messages.log",
        "",
        "  logins",
        *(f"    {login['login']:<6} {login['password']:<16} {login['role']}" for login in facts["logins"]),
        "",
        *_callers(facts["callers"]),
        "",
        *_phones(facts),
        "",
        *_first_steps(facts, caller),
        "",
        "  Ctrl-C stops everything.",
    ]
    return "\n".join(lines)


def _callers(callers: list[Mapping[str, Any]]) -> list[str]:
    lines = ["  callers on file"]
    for caller in callers:
        account = f"account {caller['account']}, PIN {caller['pin']}" if caller["account"] else "no account"
        lines.append(f"    {caller['number']}  {', '.join([caller['tier'], *caller['flags']])}; {account}")
    return lines


def _phones(facts: Mapping[str, Any]) -> list[str]:
    lines = ["  phones: user and password"]
    for phone in facts["phones"]:
        tested = ", a test phone is on it" if phone["desk"] in facts["test_phones"] else ""
        lines.append(f"    {phone['desk']} (desk{tested}), {phone['browser']} (browser)  {phone['password']}")
    return lines


def _first_steps(facts: Mapping[str, Any], caller: str) -> list[str]:
    if not facts["test_phones"]:
        return ["  Register a phone, sign in on the agents' page, press Ready, and call."]
    return [
        "  Talk to a caller without any phone: sign in on the agents' page, press Ready, and call.",
        f"    as 1004, for top-tier callers:   {caller} --script agent --from 13900000001",
        f"    as 1001, for everybody else:     {caller} --script agent --from 13900000002",
        f"  The caller pops up; the test phone of {', '.join(facts['test_phones'])} answers after {ANSWER_SECONDS:.0f} s"
        " and plays a tone.",
    ]
