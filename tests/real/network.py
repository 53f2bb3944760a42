"""A network of this test's own, with an interface besides loopback: without one Chromium finds no way for sound.

Everything started inside (Asterisk, our server, browser, callers) sees only this network; no packet can leave the machine.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import time
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


FAR, NEAR = "203.0.113.2", "203.0.113.1"
"""The two ends of the cable to a network beyond ours (documentation addresses)."""
CABLE = (
    "link add cti2 type veth peer name cti3 netns {pid}",
    f"address add {NEAR}/24 dev cti2",
    "link set cti2 up",
)
FAR_LINKS = ("link set lo up", f"address add {FAR}/24 dev cti3", "link set cti3 up")


class Beyond:
    """A network at the other end of a cable, where somebody else's browser is. Programs started through `run` are in it."""

    def __init__(self, process_id: int) -> None:
        self.run = ("nsenter", f"--net=/proc/{process_id}/ns/net")

    def pull(self) -> None:
        """No packet passes from now on, and nobody is told."""
        subprocess.run(["ip", "link", "set", "cti2", "down"], check=True)

    def plug(self) -> None:
        subprocess.run(["ip", "link", "set", "cti2", "up"], check=True)


@contextmanager
def network_beyond() -> Iterator[Beyond]:
    """Inside `own_network`: we are `NEAR` there, whoever is beyond is `FAR`."""
    with subprocess.Popen(["unshare", "--net", "sleep", "infinity"]) as keeper:
        try:
            _wait_for_a_network_of_its_own(keeper.pid)
            beyond = Beyond(keeper.pid)
            for line in CABLE:
                subprocess.run(["ip", *line.format(pid=keeper.pid).split()], check=True)
            for line in FAR_LINKS:
                subprocess.run([*beyond.run, "ip", *line.split()], check=True)
            yield beyond
        finally:
            keeper.kill()


def _wait_for_a_network_of_its_own(process_id: int) -> None:
    ours = os.readlink("/proc/thread-self/ns/net")
    for _ in range(500):
        if os.readlink(f"/proc/{process_id}/ns/net") != ours:
            return
        time.sleep(0.01)
    raise OSError("unshare made no network")


def _check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
