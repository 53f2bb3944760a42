"""Account numbers and other digit strings callers key in: check digits and masking."""

from __future__ import annotations

ISSUER_DIGIT = "8"
"""Major industry digit of ISO/IEC 7812-1 for telecommunications and other utilities."""


def luhn_valid(digits: str) -> bool:
    """Luhn (ISO/IEC 7812-1, annex B): every second digit from the right doubled, the digit sum divisible by 10."""
    if not (digits.isascii() and digits.isdigit()):
        return False
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0


def account_valid(account: str) -> bool:
    """Account numbers have 8 digits, the last a check digit: Luhn over the account with `ISSUER_DIGIT` in front.

    The digit in front makes our numbers distinct from plain Luhn numbers (bank cards), as US National Provider
    Identifiers do with 80840. Every single wrong digit and every swap of neighbours but 09/90 is caught.
    10000018 and 10000026 are valid.
    """
    return len(account) == 8 and luhn_valid(ISSUER_DIGIT + account)


def account_number(payload: int) -> str:
    """The account number whose first 7 digits are `payload` (0 … 9 999 999)."""
    first = f"{payload:07d}"
    return next(first + check for check in "0123456789" if account_valid(first + check))


def masked(digits: str) -> str:
    """`10000018` → `1000••18`; fewer than 8 digits are masked whole."""
    return digits[:4] + "•" * (len(digits) - 6) + digits[-2:] if len(digits) >= 8 else "•" * len(digits)
