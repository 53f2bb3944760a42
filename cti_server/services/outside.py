"""Numbers outside: how they are read, and which of them may be called, by agents and back to callers.

`calls.outgoing_allowed` says it by rule: `home` numbers of the site's country that cost no premium, `short` service and emergency
numbers, and prefixes. A number an administrator put into the directory may always be called.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

import phonenumbers

from cti_server.domain.setup import OutsideNumber
from cti_server.errors import Forbidden, InvalidValue
from cti_server.services.customers import to_e164

HOME, SHORT = "home", "short"
_SHORT = re.compile(r"[0-9]{3,6}", re.ASCII)
_BETWEEN = re.compile(r"[\s().-]")


class Outside:
    def __init__(self, allowed: Iterable[str], country: str) -> None:
        rules = frozenset(allowed)
        self._rules, self._country = rules & {HOME, SHORT}, country
        self._prefixes = tuple(re.sub("^00", "+", prefix) for prefix in rules - self._rules)
        self._code = phonenumbers.country_code_for_region(country)
        self._listed: dict[str, OutsideNumber] = {}

    def replace(self, listed: Mapping[str, OutsideNumber]) -> None:
        """The directory changed."""
        self._listed = {self.read(one.number) or one.number: one for one in listed.values()}

    def listed(self) -> list[OutsideNumber]:
        return sorted(self._listed.values(), key=lambda one: (one.group, one.position, one.name))

    def name(self, number: str) -> str:
        """As the directory has it; '' = not listed."""
        found = self._listed.get(number)
        return found.name if found else ""

    def read(self, text: str) -> str:
        """E.164 of a number in any form, or the digits of a short one; '' when it is neither."""
        plain = unicodedata.normalize("NFKC", text).strip()
        number = to_e164(plain, self._country)
        digits = _BETWEEN.sub("", plain)
        return number or (digits if _SHORT.fullmatch(digits) else "")

    def allows(self, number: str) -> bool:
        """`number` as `read` gives it."""
        if number in self._listed or number.startswith(self._prefixes):
            return True
        if not number.startswith("+"):
            return SHORT in self._rules
        return HOME in self._rules and self._is_home(number)

    def must(self, text: str) -> str:
        """The number to dial. Raises InvalidValue when it is none, Forbidden when it may not be called."""
        number = self.read(text)
        if not number:
            raise InvalidValue("this is no phone number; check the digits", field="number", reason="bad_number")
        if not self.allows(number):
            raise Forbidden(
                "numbers like this one may not be called; an administrator can put it into the directory",
                field="number",
                reason="number_refused",
            )
        return number

    def subscriber(self, text: str) -> str:
        """The number of somebody who wants to be rung back, as `must`; a service or emergency number is nobody's."""
        number = self.must(text)
        if not number.startswith("+"):
            raise InvalidValue("nobody can be rung back at a service number", field="number", reason="bad_number")
        return number

    def _is_home(self, number: str) -> bool:
        """Not of another country that shares the country code, and no premium-rate number."""
        parsed = phonenumbers.parse(number)
        return (
            parsed.country_code == self._code
            and phonenumbers.region_code_for_number(parsed) in (self._country, None)
            and phonenumbers.number_type(parsed) != phonenumbers.PhoneNumberType.PREMIUM_RATE
        )
