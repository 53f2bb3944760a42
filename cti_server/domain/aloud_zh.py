"""Mandarin pieces. Rules of reading: 零 for gaps, 两 before 百 千 万 元 and counted things, 一十 inside a number, 幺 for
the digit 1 in numbers that are read digit by digit."""

from __future__ import annotations

from collections.abc import Iterator

from cn2an import an2cn

MINUS, POINT, ZERO = "负", "点", "零"
DIGITS = tuple(an2cn(n) for n in range(10))
UNDER_100 = tuple(an2cn(n) for n in range(100))
SINGLES = (DIGITS[0], "幺", *DIGITS[2:])
PAIRS = tuple(SINGLES[n // 10] + SINGLES[n % 10] for n in range(100))
MONTHS = tuple(f"{UNDER_100[n]}月" for n in range(1, 13))

_COUNTS = tuple("两" if n == 2 else word for n, word in enumerate(UNDER_100))
"""0–99 before a counted thing: 两元, 两分钟."""
_AFTER = tuple("零" + word if n < 10 else "一" + word if n < 20 else word for n, word in enumerate(UNDER_100))
"""1–99 after a hundred, thousand or more: 一百零五, 一百一十五."""
_HUNDREDS = tuple(f"{_COUNTS[n]}百" for n in range(10))
_THOUSANDS = tuple(f"{_COUNTS[n]}千" for n in range(10))
_SCALES = ("亿", "万", "")
_FUSED = 30
"""第一 … 第三十 are one piece each."""

_ABOUT, _UNDER_A_MINUTE, _OVER_A_DAY = "大约", "不到一分钟", "超过一天"


def integer(number: int) -> list[str]:
    """0 to 999,999,999,999."""
    if number == 0:
        return [ZERO]
    spoken: list[str] = []
    for scale, group in zip(_SCALES, (number // 10**8, number // 10**4 % 10**4, number % 10**4), strict=True):
        if group == 2 and scale and not spoken:
            spoken.append("两" + scale)
        elif group:
            spoken += [*_group(group, bool(spoken)), *([scale] if scale else [])]
    return spoken


def _group(number: int, follows: bool) -> list[str]:
    """1 to 9999; `follows` a higher group, so leading gaps are spoken as 零."""
    thousands, hundreds, rest = number // 1000, number // 100 % 10, number % 100
    spoken: list[str] = []
    gap = follows and not thousands
    if thousands:
        spoken.append(_THOUSANDS[thousands])
        gap = not hundreds
    if hundreds:
        spoken += [*([ZERO] if gap else []), _HUNDREDS[hundreds]]
        gap = False
    if rest and (spoken or follows):
        spoken += [*([ZERO] if gap and rest >= 10 else []), _AFTER[rest]]
    elif rest:
        spoken.append(UNDER_100[rest])
    return spoken


def amount(yuan: int, fen: int) -> list[str]:
    """一百二十八元五角, 一百二十八元零三分, 五角 (no 零元 before it)."""
    jiao, fen = divmod(fen, 10)
    spoken = _yuan(yuan) if yuan or not (jiao or fen) else []
    if jiao:
        spoken.append(f"{_COUNTS[jiao]}角")
    if fen:
        spoken.append(f"零{DIGITS[fen]}分" if spoken and not jiao else f"{_COUNTS[fen]}分")
    return spoken


def _yuan(yuan: int) -> list[str]:
    if yuan == 2:
        return ["两元"]
    *head, last = integer(yuan)
    return [*head, f"{last}元"]


def ordinal(number: int) -> list[str]:
    return [f"第{UNDER_100[number]}"] if number <= _FUSED else ["第", *integer(number)]


def position(number: int) -> list[str]:
    return [f"第{UNDER_100[number]}位"] if number <= _FUSED else ["第", *integer(number), "位"]


def date(month: int, day: int) -> list[str]:
    return [MONTHS[month - 1], f"{UNDER_100[day]}日"]


def time(hour: int, minute: int) -> list[str]:
    return [_hour(hour), *([_minute(minute)] if minute else [])]


def _hour(hour: int) -> str:
    parts = ((6, "凌晨"), (12, "上午"), (13, "中午"), (18, "下午"), (24, "晚上"))
    part = next(word for end, word in parts if hour < end)
    return f"{part}{_COUNTS[hour if hour <= 12 else hour - 12]}点"


def _minute(minute: int) -> str:
    return f"{'零' if minute < 10 else ''}{UNDER_100[minute]}分"


def duration(minutes: int) -> list[str]:
    """大约五分钟, 大约一小时三十分钟."""
    if minutes < 1:
        return [_UNDER_A_MINUTE]
    hours, minutes = divmod(minutes, 60)
    if hours >= 24:
        return [_OVER_A_DAY]
    hour, minute = [f"{_COUNTS[hours]}小时"] if hours else [], [f"{_COUNTS[minutes]}分钟"] if minutes else []
    return [_ABOUT, *hour, *minute]


def pieces() -> Iterator[str]:
    """Everything the functions above can yield."""
    numbers = {*UNDER_100, *_AFTER[1:], *_HUNDREDS[1:], *_THOUSANDS[1:], *_SCALES[:2], "两万", "两亿"}
    yield from numbers | {MINUS, POINT, *SINGLES, *PAIRS, *MONTHS}
    for last in {*UNDER_100, *_AFTER[1:], *_HUNDREDS[1:], *_THOUSANDS[1:], "万", "两万"} - {"二"}:
        yield f"{last}元"
    yield "两元"
    for n in range(1, 10):
        yield from (f"{_COUNTS[n]}角", f"{_COUNTS[n]}分", f"零{DIGITS[n]}分")
    for n in range(1, _FUSED + 1):
        yield from (*ordinal(n), *position(n))
    yield from ("第", "位", _ABOUT, _UNDER_A_MINUTE, _OVER_A_DAY)
    yield from (f"{UNDER_100[n]}日" for n in range(1, 32))
    yield from map(_hour, range(24))
    yield from map(_minute, range(1, 60))
    yield from (f"{_COUNTS[n]}分钟" for n in range(1, 60))
    yield from (f"{_COUNTS[n]}小时" for n in range(1, 24))
