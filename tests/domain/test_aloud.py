"""Values read aloud: whatever the value, its pieces are recorded ones, and what is heard is the value."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal

import pytest
from cn2an import cn2an
from hypothesis import given
from hypothesis import strategies as st
from num2words import num2words

from cti_server.domain.aloud import KINDS, LANGUAGES, MOST_NUMBER, PAUSE, all_pieces, aloud, is_pause
from cti_server.errors import InvalidValue

LANGUAGE = st.sampled_from(sorted(LANGUAGES))
FEN = st.one_of(st.integers(0, 99_999), st.integers(0, 9_999_999_999))
"""Everyday amounts as often as the rare large ones."""
NUMBER = st.one_of(st.integers(0, 120), st.integers(0, 20_000), st.integers(0, MOST_NUMBER))

ZH_DIGITS = {word: str(n) for n, word in enumerate("零幺二三四五六七八九")}
EN_DIGITS = {str(num2words(n)): str(n) for n in range(10)}
EN_WORDS = {str(num2words(n)): n for n in range(100)}
EN_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9}


def heard_zh(spoken: str) -> int:
    return int(cn2an(spoken, "smart"))


def heard_en(spoken: str) -> int:
    """A listener who knows no more than 0–99, hundred and the scales."""
    total = group = 0
    for word in spoken.split():
        if word == "hundred":
            group *= 100
        elif word in EN_SCALES:
            total, group = total + group * EN_SCALES[word], 0
        else:
            group += EN_WORDS[word]
    return total + group


def heard_yuan_zh(spoken: str) -> int:
    """Fen."""
    yuan, unit, rest = spoken.partition("元")
    fen = heard_zh(yuan) * 100 if unit else 0
    rest = rest if unit else spoken
    jiao, unit, last = rest.partition("角")
    fen += heard_zh(jiao) * 10 if unit else 0
    last = last if unit else rest
    return fen + (heard_zh(last.removesuffix("分").removeprefix("零")) if last else 0)


def heard_yuan_en(spoken: str) -> int:
    yuan, _, fen = spoken.partition(" yuan")
    return heard_en(yuan) * 100 + heard_en(fen.replace("oh ", ""))


@given(FEN)
def test_an_amount_is_heard_as_it_is(fen: int) -> None:
    value = f"{fen // 100}.{fen % 100:02d}"
    assert heard_yuan_zh("".join(aloud("amount", value, "zh"))) == fen
    assert heard_yuan_en(" ".join(aloud("amount", value, "en"))) == fen


@given(NUMBER)
def test_a_number_is_heard_as_it_is(number: int) -> None:
    assert heard_zh("".join(aloud("number", number, "zh"))) == number
    assert heard_en(" ".join(aloud("number", number, "en"))) == number
    assert " ".join(aloud("number", number, "en")) == num2words(number).replace(" and ", " ").replace(",", "")


@given(st.text("0123456789", min_size=1, max_size=64))
def test_digits_are_heard_one_by_one_in_their_order(digits: str) -> None:
    zh = "".join(aloud("digits", digits, "zh")).replace(PAUSE, "")
    assert "".join(ZH_DIGITS[word] for word in zh) == digits
    en = " ".join(aloud("digits", digits, "en")).replace(PAUSE, "").split()
    assert "".join(EN_DIGITS[word] for word in en) == digits


@given(LANGUAGE, FEN, NUMBER, st.integers(1, 9999), st.datetimes(), st.timedeltas(timedelta(0), timedelta(days=3)))
def test_every_piece_is_a_recorded_one(
    language: str, fen: int, number: int, place: int, moment: datetime, wait: timedelta
) -> None:
    values: dict[str, list[object]] = {
        "amount": [Decimal(fen) / 100, -Decimal(fen) / 100],
        "number": [number, -number, number / 8],
        "digits": [number],
        "order": [number],
        "ordinal": [place],
        "position": [place],
        "date": [moment, moment.date().isoformat()],
        "month": [moment.month, moment.date()],
        "time": [moment, moment.time()],
        "duration": [wait, wait.seconds // 60],
    }
    assert set(values) == set(KINDS) - {"text"}
    for kind, examples in values.items():
        for value in examples:
            assert set(aloud(kind, value, language)) <= all_pieces(language), (kind, value)


@given(st.dates())
def test_a_date_is_heard_as_month_and_day(day: date) -> None:
    month, number = "".join(aloud("date", day, "zh")).removesuffix("日").split("月")
    assert (heard_zh(month), heard_zh(number)) == (day.month, day.day)
    assert " ".join(aloud("date", day, "en")) == f"{day:%B} {num2words(day.day, to='ordinal')}"


@given(st.times())
def test_times_that_differ_by_a_minute_sound_different(moment: time) -> None:
    later = (datetime.combine(date(2026, 1, 1), moment) + timedelta(minutes=1)).time()
    for language in LANGUAGES:
        assert aloud("time", moment, language) != aloud("time", later, language)


@pytest.mark.parametrize(
    ("kind", "value", "zh", "en"),
    [
        ("amount", "128.50", "一百 二十八元 五角", "one hundred|twenty-eight yuan|fifty"),
        ("amount", "56.20", "五十六元 两角", "fifty-six yuan|twenty"),
        ("amount", "2", "两元", "two yuan"),
        ("amount", 0, "零元", "zero yuan"),
        ("amount", "-0.004", "零元", "zero yuan"),
        ("amount", "0.05", "五分", "zero yuan|oh five"),
        ("amount", -105.03, "负 一百 零五元 零三分", "minus|one hundred|five yuan|oh three"),
        ("amount", "20,000", "两万元", "twenty|thousand yuan"),
        (
            "amount",
            Decimal("99999999.99"),
            "九千 九百 九十九 万 九千 九百 九十九元 九角 九分",
            "ninety-nine|million|nine hundred|ninety-nine|thousand|nine hundred|ninety-nine yuan|ninety-nine",
        ),
        ("number", 110_015, "十一 万 零 一十五", "one hundred|ten|thousand|fifteen"),
        ("number", "3.14", "三 点 一 四", "three|point|one|four"),
        ("digits", "139 0000", "幺 三九 ， 零零 零零", "one|three nine|，|zero zero|zero zero"),
        ("order", 10000018, "幺零 零零 ， 零零 幺八", "one zero|zero zero|，|zero zero|one eight"),
        ("position", 3, "第三位", "number three"),
        ("position", 45, "第 四十五 位", "number|forty-five"),
        ("ordinal", 3, "第三", "third"),
        ("date", "2026-12-05", "十二月 五日", "December|fifth"),
        ("month", "2026-12", "十二月", "December"),
        ("month", 2, "二月", "February"),
        ("time", "14:30", "下午两点 三十分", "two|thirty|in the afternoon"),
        ("time", "00:05:30", "凌晨零点 零五分", "twelve|oh five|in the morning"),
        ("time", time(12), "中午十二点", "twelve noon"),
        ("duration", 5, "大约 五分钟", "about|five minutes"),
        ("duration", 1, "大约 一分钟", "about|one minute"),
        ("duration", 0.4, "不到一分钟", "less than a minute"),
        ("duration", timedelta(hours=1, minutes=29, seconds=1), "大约 一小时 三十分钟", "about|one hour|thirty minutes"),
        ("duration", 5000, "超过一天", "more than a day"),
        ("text", " 人民路8号 ", "人民路8号", "人民路8号"),
        ("text", "  ", "", ""),
    ],
)  # fmt: skip
def test_how_it_sounds(kind: str, value: object, zh: str, en: str) -> None:
    assert aloud(kind, value, "zh") == tuple(zh.split())
    assert aloud(kind, value, "en") == tuple(en.split("|") if en else ())


NOT_SUCH: dict[str, tuple[object, ...]] = {
    "amount": ("", "abc", "1e9", "NaN", "Infinity", None, True, [], "100000000"),
    "number": ("12a", "inf", 10**12, object()),
    "digits": ("", "12a", "一二", "٣", None, True, 1.5, "1" * 65),
    "position": (0, -1, 1.5, 10_000),
    "date": ("2026-13-01", "today", 5, "2026-02-30"),
    "month": (0, 13, "2026-13"),
    "time": ("25:00", "noon", ""),
    "duration": (-1, "soon", timedelta(seconds=-1)),
    "colour": ("red",),
}


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in NOT_SUCH.items() for value in values])
@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_what_is_not_such_a_value_is_refused(kind: str, value: object, language: str) -> None:
    with pytest.raises(InvalidValue):
        aloud(kind, value, language)


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(InvalidValue, match="languages are"):
        aloud("number", 1, "fr")


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_the_set_to_record_stays_small_and_speakable(language: str) -> None:
    pieces = all_pieces(language)
    assert 300 < len(pieces) < 800
    assert {piece for piece in pieces if is_pause(piece)} == {PAUSE}
    assert all(piece == piece.strip() for piece in pieces)
