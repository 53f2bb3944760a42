"""The tiny language of flow conditions: `customer.flags`, `'elderly' in customer.flags and not urgent`, `balance.arrears > 0`.

Names, dotted names into values, texts, numbers, lists, comparisons, `in`, `and or not`, `+ -` and `len()`. Nothing else
parses, no Python object is ever reached, and evaluation never raises: a missing value is null, null compares false, a text
that is a number compares as that number (lookups return amounts as texts).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from cti_server.domain.wrong import Refused, wrong

MOST_CHARACTERS = 300
Names = Callable[[str], Any]
"""Dotted name → value or None."""
_Evaluate = Callable[[Names], Any]
_CONSTANTS: Mapping[str, Any] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Expression:
    source: str
    names: frozenset[str]
    """Dotted names it reads."""
    evaluate: _Evaluate


@lru_cache(maxsize=2048)
def parse(source: str) -> Expression:
    """Raises InvalidValue that says what is not understood."""
    if len(source) > MOST_CHARACTERS:
        raise Refused(wrong("expression_long", most=MOST_CHARACTERS))
    try:
        tree = ast.parse(source.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Refused(wrong("no_expression", text=source)) from None
    names: set[str] = set()
    evaluate = _compile(tree, names)
    return Expression(source, frozenset(names), evaluate)


def lookup(values: Mapping[str, Any], dotted: str) -> Any:
    """`a.b` in nested mappings; None where there is nothing."""
    value: Any = values
    for part in dotted.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _compile(tree: ast.expr, names: set[str]) -> _Evaluate:
    match tree:
        case ast.Constant(value=bool() | int() | str() | None as value):
            return lambda _: value
        case ast.Constant(value=float() as value):
            number = Decimal(repr(value))
            return lambda _: number
        case ast.Name() | ast.Attribute():
            return _name(_dotted(tree), names)
        case ast.List(elts=items) | ast.Tuple(elts=items):
            parts = [_compile(item, names) for item in items]
            return lambda get: [part(get) for part in parts]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = _compile(operand, names)
            return lambda get: not inner(get)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as value)):
            return lambda _: -value
        case _:
            return _compile_compound(tree, names)


def _compile_compound(tree: ast.expr, names: set[str]) -> _Evaluate:
    match tree:
        case ast.BoolOp(op=op, values=values):
            return _boolean(isinstance(op, ast.And), [_compile(value, names) for value in values])
        case ast.Compare(left=left, ops=ops, comparators=others):
            return _chain(ops, [_compile(side, names) for side in (left, *others)])
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
            sign = 1 if isinstance(op, ast.Add) else -1
            return _sum(_compile(left, names), _compile(right, names), sign)
        case ast.Call(func=ast.Name(id="len"), args=[argument], keywords=[]):
            inner = _compile(argument, names)
            return lambda get: _length(inner(get))
        case _:
            raise Refused(wrong("expression_part", text=ast.unparse(tree)))


def _dotted(tree: ast.expr) -> str:
    if isinstance(tree, ast.Name):
        return tree.id
    if isinstance(tree, ast.Attribute) and not tree.attr.startswith("_"):
        return f"{_dotted(tree.value)}.{tree.attr}"
    raise Refused(wrong("only_names", text=ast.unparse(tree)))


def _name(name: str, names: set[str]) -> _Evaluate:
    if name in _CONSTANTS:
        constant = _CONSTANTS[name]
        return lambda _: constant
    names.add(name)
    return lambda get: get(name)


def _boolean(both: bool, parts: list[_Evaluate]) -> _Evaluate:
    def evaluate(get: Names) -> Any:
        value: Any = None
        for part in parts:
            value = part(get)
            if bool(value) is not both:
                return value
        return value

    return evaluate


def _chain(ops: list[ast.cmpop], sides: list[_Evaluate]) -> _Evaluate:
    tests = [_COMPARE.get(type(op)) for op in ops]
    if None in tests:
        raise Refused(wrong("comparison"))

    def evaluate(get: Names) -> bool:
        values = [side(get) for side in sides]
        return all(test(a, b) for test, a, b in zip(tests, values, values[1:], strict=False) if test)

    return evaluate


def _sum(left: _Evaluate, right: _Evaluate, sign: int) -> _Evaluate:
    def evaluate(get: Names) -> Any:
        a, b = number(left(get)), number(right(get))
        if a is None or b is None:
            return None
        try:
            total = a + sign * b
            return int(total) if total == total.to_integral_value() and abs(total) < 10**18 else total
        except ArithmeticError:
            return None

    return evaluate


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str | list | tuple | Mapping) else 0


def number(value: Any) -> Decimal | None:
    """A finite number from a number or a text that is one, else None."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal | float):
        return None
    try:
        result = Decimal(str(value))
    except (InvalidOperation, ValueError):
        return None
    return result if result.is_finite() else None


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, str) and isinstance(b, str):
        return a == b
    x, y = number(a), number(b)
    if x is not None and y is not None:
        return x == y
    return type(a) is type(b) and bool(a == b)


def _ordered(test: Callable[[Decimal, Decimal], bool]) -> Callable[[Any, Any], bool]:
    def compare(a: Any, b: Any) -> bool:
        x, y = number(a), number(b)
        return x is not None and y is not None and test(x, y)

    return compare


def _contains(item: Any, container: Any) -> bool:
    if isinstance(container, str):
        return isinstance(item, str) and item in container
    if isinstance(container, list | tuple | set | frozenset | Mapping):
        return any(_equal(item, one) for one in container)
    return False


_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: _equal,
    ast.NotEq: lambda a, b: not _equal(a, b),
    ast.Lt: _ordered(lambda x, y: x < y),
    ast.LtE: _ordered(lambda x, y: x <= y),
    ast.Gt: _ordered(lambda x, y: x > y),
    ast.GtE: _ordered(lambda x, y: x >= y),
    ast.In: _contains,
    ast.NotIn: lambda a, b: not _contains(a, b),
}
