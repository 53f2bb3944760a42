"""The expressions of flows: what they mean, and that nothing else gets through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_server.domain.flows.expressions import lookup, parse
from cti_server.errors import InvalidValue

VALUES: Mapping[str, Any] = {
    "customer": {"flags": ["elderly"], "tier": "vip", "open": None},
    "bill": {"arrears": "56.20", "zero": "0.00", "nan": "NaN", "inf": "Infinity"},
    "n": 3,
    "yes": True,
    "empty": "",
}


def value(source: str) -> Any:
    return parse(source).evaluate(lambda name: lookup(VALUES, name))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("'elderly' in customer.flags", True),
        ("'elderly' not in customer.flags", False),
        ("'x' in missing", False),
        ("customer.tier == 'vip' and not missing", True),
        ("customer.tier in ['gold', 'vip']", True),
        ("bill.arrears > 0", True),
        ("bill.arrears == 56.2", True),
        ("bill.zero > 0", False),
        ("bill.nan > 0 or bill.inf > 0", False),
        ("missing > 0 or missing < 0 or missing == 0", False),
        ("missing == null", True),
        ("yes == true", True),
        ("yes == 1", False),
        ("n + 1", 4),
        ("n - 1 >= 2", True),
        ("missing + 1", None),
        ("len(customer.flags)", 1),
        ("len(n)", 0),
        ("1 < n < 5", True),
        ("missing or 'x'", "x"),
        ("empty and 'x'", ""),
        ("customer.tier.deeper", None),
        ("-1 < 0", True),
        ("'10' < '9'", False),
    ],
)
def test_meaning(source: str, expected: Any) -> None:
    assert value(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "", "1 +", "a = 1", "a.__class__", "a._x", "open('x')", "len(a, b)", "len(*a)", "a[0]", "lambda: 1", "[x for x in a]",
        "a if b else c", "a ** 2", "a * 9", "f'{a}'", "a is b", "{}", "{1}", "a.b()", "(a).b()", "yield", "...", "1j", "b'x'",
        "(a := 1)", "x" * 301, "((((" * 70 + "a" + "))))" * 3,
    ],
)  # fmt: skip
def test_nothing_else_parses(source: str) -> None:
    with pytest.raises(InvalidValue):
        parse(source)


@given(st.text(max_size=60) | st.from_regex(r"[a-c .()<=+'0-9-]{1,40}"))
def test_any_text_parses_or_is_refused_and_evaluates_without_error(source: str) -> None:
    try:
        expression = parse(source)
    except InvalidValue:
        return
    assert expression.evaluate(lambda _: None) == expression.evaluate(lambda _: None)


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["NaN", "1e400", "-0", "9" * 5000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)
SOURCES = ["a == b", "a < b", "a in b", "a + b", "a - b", "len(a)", "a and b or not a", "a.x == b.y", "[a, b] == b"]


@given(ANY, ANY, st.sampled_from(SOURCES))
def test_any_values_evaluate_without_error(a: Any, b: Any, source: str) -> None:
    parse(source).evaluate(lambda name: lookup({"a": a, "b": b}, name))
