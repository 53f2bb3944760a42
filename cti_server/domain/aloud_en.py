"""English pieces, American reading: no `and` inside numbers, cents after yuan as a plain number, clock with part of the day"""

from __future__ import annotations

import calendar
from collections.abc import Iterator

from num2words import num2words

MINUS, POINT = "minus", "point"
UNDER_100 = tuple(str(num2words(n)) for n in range(100))
DIGITS = SINGLES = UNDER_100[:10]
PAIRS = tuple(f"{DIGITS[n // 10]} {DIGITS[n % 10]}" for n in range(100))
MONTHS = tuple(calendar.month_name[1:])
_ORDINALS = ("", *(str(num2words(n, to="ordinal")) for n in range(1, 32)))
_HUNDREDS = tuple(f"{DIGITS[n]} hundred" for n in range(10))
_OH = tuple(f"oh {DIGITS[n]}" for n in range(10))
"""05 after yuan or an hour."""
_SCALES = ("billion", "million", "thousand", "")
_FUSED = 30
"""`number one` … `number thirty` are one piece each."""
_NOON, _MIDNIGHT = "twelve noon", "twelve midnight"
_PARTS_OF_DAY = ((12, "in the morning"), (18, "in the afternoon"), (24, "in the evening"))
_ABOUT, _UNDER_A_MINUTE, _OVER_A_DAY = "about", "less than a minute", "more than a day"


def integer(number: int) -> list[str]:
    """0 to 999,999,999,999."""
    if number == 0:
        return [UNDER_100[0]]
    spoken: list[str] = []
    for power, scale in zip((9, 6, 3, 0), _SCALES, strict=True):
        group = number // 10**power % 1000
        if group:
            spoken += [*_group(group), *([scale] if scale else [])]
    return spoken


def _group(number: int) -> list[str]:
    hundreds, rest = divmod(number, 100)
    return ([_HUNDREDS[hundreds]] if hundreds else []) + ([UNDER_100[rest]] if rest else [])


def amount(yuan: int, fen: int) -> list[str]:
    """one hundred twenty-eight yuan fifty, five yuan oh three."""
    *head, last = integer(yuan)
    return [*head, f"{last} yuan", *([_OH[fen] if fen < 10 else UNDER_100[fen]] if fen else [])]


def ordinal(number: int) -> list[str]:
    return [_ORDINALS[number]] if number < len(_ORDINALS) else position(number)


def position(number: int) -> list[str]:
    return [f"number {UNDER_100[number]}"] if number <= _FUSED else ["number", *integer(number)]


def date(month: int, day: int) -> list[str]:
    return [MONTHS[month - 1], _ORDINALS[day]]


def time(hour: int, minute: int) -> list[str]:
    if minute == 0 and hour in (0, 12):
        return [_NOON if hour else _MIDNIGHT]
    minutes = [_OH[minute] if minute < 10 else UNDER_100[minute]] if minute else []
    part = next(word for end, word in _PARTS_OF_DAY if hour < end)
    return [UNDER_100[hour % 12 or 12], *minutes, part]


def duration(minutes: int) -> list[str]:
    """about five minutes, about one hour thirty minutes."""
    if minutes < 1:
        return [_UNDER_A_MINUTE]
    hours, minutes = divmod(minutes, 60)
    if hours >= 24:
        return [_OVER_A_DAY]
    return [_ABOUT, *([_count(hours, "hour")] if hours else []), *([_count(minutes, "minute")] if minutes else [])]


def _count(number: int, unit: str) -> str:
    return f"{UNDER_100[number]} {unit}{'' if number == 1 else 's'}"


def pieces() -> Iterator[str]:
    """Everything the functions above can yield."""
    yield from {*UNDER_100, *_HUNDREDS[1:], *_SCALES[:3], MINUS, POINT, *PAIRS, *MONTHS, *_ORDINALS[1:], *_OH[1:]}
    yield from (f"{last} yuan" for last in {*UNDER_100, *_HUNDREDS[1:], "million", "thousand"})
    yield from (f"number {UNDER_100[n]}" for n in range(1, _FUSED + 1))
    yield from (part for _, part in _PARTS_OF_DAY)
    yield from ("number", _NOON, _MIDNIGHT, _ABOUT, _UNDER_A_MINUTE, _OVER_A_DAY)
    yield from (_count(n, "minute") for n in range(1, 60))
    yield from (_count(n, "hour") for n in range(1, 24))
