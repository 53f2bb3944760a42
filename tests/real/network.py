"""A network of this test's own, with an interface besides loopback: without one Chromium finds no way for sound.

Everything started inside (Asterisk, our server, browser, callers) sees only this network; no packet can leave the machine.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

ADDRESS = "198.51.100.10"
"""Where browsers and Asterisk meet for media (a documentation address)."""
CLONE_NEWNET = 0x40000000
LINKS = (
    "link set lo up",
    "link add cti0 type veth peer name cti1",
    f"address add {ADDRESS}/24 dev cti0",
    "link set cti0 up",
    "link set cti1 up",
)


def allowed() -> bool:
    """Namespaces need root here."""
    return os.geteuid() == 0


@contextmanager
def own_network() -> Iterator[str]:
    """Inside, this thread and what it starts is in a network of its own; yields the address of its interface."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as before:
        _check(libc.unshare(CLONE_NEWNET))
        try:
            for line in LINKS:
                subprocess.run(["ip", *line.split()], check=True)
            yield ADDRESS
        finally:
            _check(libc.setns(before.fileno(), CLONE_NEWNET))


def _check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
