"""What is set up on the switch, asked by dialplan functions: the right `reporting` is enough for them, where
PJSIPShowEndpoints would need `system`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable

from cti_server.ports import Lacking

Value = Callable[[str], Awaitable[str]]
"""What a dialplan expression says, '' when it says nothing (func_devstate or app_queue is not loaded)."""
AT_ONCE = 50
_NAME = re.compile(r"[A-Za-z0-9_.+*#-]{1,79}")


async def lacking(value: Value, endpoints: Iterable[str], queues: Iterable[str]) -> Lacking:
    """`ports.Switch.lacking`. What no name of the switch can be it does not have."""
    few = asyncio.Semaphore(AT_ONCE)

    async def without(names: Iterable[str], expression: str, absent: str) -> frozenset[str]:
        async def is_absent(name: str) -> bool:
            async with few:
                return _NAME.fullmatch(name) is None or await value(expression.format(name)) == absent

        listed = sorted(set(names))
        found = await asyncio.gather(*map(is_absent, listed))
        return frozenset(name for name, gone in zip(listed, found, strict=True) if gone)

    return Lacking(
        await without(endpoints, "DEVICE_STATE(PJSIP/{})", "INVALID"),
        await without(queues, "QUEUE_EXISTS({})", "0"),
    )
