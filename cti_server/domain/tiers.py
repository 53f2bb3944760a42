"""Customer tier and flags → queue priority, per service profile (service-rules.md 2). Higher is served first.

Tiers are computed from revenue or profit, never from the number of calls; that happens where accounts are kept. The
steps of ten leave room for a queue's or flow's own priority between two tiers. The numbers are *sample* values.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from cti_server.errors import InvalidValue

SCHEME_A = {"vip": 30, "main": 20, "ordinary": 10, "small": 0}
"""VIP, 主要, 普通, 小."""
SCHEME_B = {"platinum": 30, "gold": 20, "steel": 10, "lead": 0}
"""铂金, 黄金, 钢铁, 重铅."""
SAMPLE_FLAGS = {"elderly": 15, "vulnerable": 15, "open_case": 5}
"""`elderly` and `vulnerable` pass an ordinary caller, not a VIP; `open_case` (open order or complaint) only his equals."""


@dataclass(frozen=True, slots=True)
class TierTable:
    """`unknown` is for callers we do not recognise."""

    tiers: Mapping[str, int]
    flags: Mapping[str, int] = field(default_factory=lambda: SAMPLE_FLAGS)
    unknown: int = 10

    def priority(self, tier: str, flags: Collection[str] = ()) -> int:
        """Tier's priority plus the greatest of the flags'; '' = unknown caller. Raises InvalidValue for a tier the
        scheme does not have: a mistyped tier must not quietly become a small customer."""
        if tier and tier not in self.tiers:
            raise InvalidValue(f"{tier!r} is no tier of this profile; it has {', '.join(self.tiers)}")
        base = self.tiers[tier] if tier else self.unknown
        return base + max((self.flags.get(flag, 0) for flag in flags), default=0)


TABLES: dict[str, TierTable] = {
    "power": TierTable(SCHEME_A),
    "property": TierTable(SCHEME_A),
    "insurer": TierTable(SCHEME_B),
    "manufacturer": TierTable(SCHEME_A),
    "mobile": TierTable(SCHEME_B),
}


def table(profile: str) -> TierTable:
    """Raises InvalidValue for an unknown profile."""
    if profile not in TABLES:
        raise InvalidValue(f"{profile!r} is no service profile; choose one of {', '.join(TABLES)}")
    return TABLES[profile]
