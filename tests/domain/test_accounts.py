"""Account numbers and masking."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_server.domain.accounts import account_number, account_valid, luhn_valid, masked


def test_the_sample_accounts_are_valid() -> None:
    assert account_valid("10000018")
    assert account_valid("10000026")
    assert account_number(1000001) == "10000018"


@pytest.mark.parametrize("account", ["", "1000001", "100000180", "10000019", "1000001a", "١٠٠٠٠٠١٨", "1000 018"])
def test_what_is_no_account(account: str) -> None:
    assert not account_valid(account)


def test_luhn_as_in_the_standard() -> None:
    assert luhn_valid("79927398713")
    assert not luhn_valid("79927398710")


@given(st.integers(0, 9_999_999), st.integers(0, 7), st.integers(1, 9))
def test_one_wrong_digit_is_always_caught(payload: int, place: int, by: int) -> None:
    account = account_number(payload)
    wrong = str((int(account[place]) + by) % 10)
    assert not account_valid(account[:place] + wrong + account[place + 1 :])


@given(st.integers(0, 9_999_999), st.integers(0, 6))
def test_swapped_neighbours_are_caught_but_09_and_90(payload: int, place: int) -> None:
    account = account_number(payload)
    pair = account[place : place + 2]
    swapped = account[:place] + pair[::-1] + account[place + 2 :]
    assert account_valid(swapped) == (pair[0] == pair[1] or set(pair) == {"0", "9"})


@given(st.text("0123456789", max_size=40))
def test_masked_shows_four_and_two_of_eight_or_more(digits: str) -> None:
    shown = masked(digits)
    assert len(shown) == len(digits)
    assert shown.count("•") == len(digits) - (6 if len(digits) >= 8 else 0)
