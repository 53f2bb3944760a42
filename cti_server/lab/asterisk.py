"""A private Asterisk: real, from a Debian root file system in the user's cache, several side by side.

No chroot and no mount: the binary runs under its own loader with its own libraries (`--library-path`), so Asterisk
sees the same paths as we do. A recording or prompt has one path for both sides; nothing has to be translated.

States: new → starting (≤ 30 s until fully booted) → running → stopped. Whoever enters the context owns the process; it
also dies with us, by its parent-death signal.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from cti_server.asterisk.conf import agent_phones, render
from cti_server.domain.on_switch import SOFTPHONE
from cti_server.errors import BadSettings, SwitchUnavailable
from cti_server.lab.conf import AGENTS, Ports
from cti_server.lab.process import Process, run
from cti_server.services.phones import DEMO_ENDPOINT, write_secrets

CHECKOUT = Path(__file__).resolve().parents[2]
TEMPLATES = CHECKOUT / "docker" / "asterisk"
CARRIER_ADDRESS = "127.0.0.2"
"""Where the carrier calls from and is called at; nothing else may use it."""
DEMO = "demo.conf"
"""Rendered into pjsip_agents.conf, in the demo only."""
LEAST_VERSION = 22
START_SECONDS = 30.0
STOP_SECONDS = 10.0


def rootfs() -> Path:
    """Where scripts/install puts Asterisk's root file system (outside the checkout, kept between runs)."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "cti-server" / "asterisk-rootfs"


def command(root: Path | None = None) -> tuple[list[str], Path, Path]:
    """Program, module folder and data folder of the Asterisk to run. Raises BadSettings when there is none."""
    if found := _installed():
        modules = next(Path("/usr/lib").glob("*/asterisk/modules"), Path("/usr/lib/asterisk/modules"))
        data = Path("/usr/share/asterisk")
        return [found], modules, data if (data / "sounds").is_dir() else Path("/var/lib/asterisk")
    root = root or rootfs()
    binary = root / "usr/sbin/asterisk"
    if not binary.is_file():
        raise BadSettings(f"no Asterisk in {root} and none installed; run scripts/install asterisk")
    loader = next(root.glob("usr/lib/*/ld-linux*.so.*"))
    libraries = loader.parent
    program = [str(loader), "--inhibit-cache", "--library-path", str(libraries), "--argv0", "asterisk", str(binary)]
    return program, libraries / "asterisk/modules", root / "usr/share/asterisk"


def _installed() -> str:
    """The machine's own Asterisk, when it is new enough."""
    found = shutil.which("asterisk") or ""
    version = subprocess.run([found, "-V"], capture_output=True, text=True, check=False).stdout if found else ""
    major = re.search(r"(\d+)\.", version)
    return found if major and int(major[1]) >= LEAST_VERSION else ""


class Claim:
    """A block of 1000 ports nobody else on this machine uses; held until `release`."""

    def __init__(self, base: int | None = None) -> None:
        self._lock = socket.socket(socket.AF_UNIX)
        bases = [base] if base else _shuffled(range(10_000, 32_000, 1000))
        for candidate in bases:
            if self._take(candidate):
                self.ports = Ports(candidate)
                return
        self._lock.close()
        raise BadSettings(
            f"ports {bases[0]}–{bases[0] + 5} are in use; choose another port base" if base else "no free ports"
        )

    def _take(self, base: int) -> bool:
        ports = Ports(base)
        if not all(_free(port) for port in (ports.sip, ports.http, ports.ami, ports.agi, ports.web)):
            return False
        try:
            # An abstract name: exclusive on this machine, gone with the process, no file left behind.
            self._lock.bind(f"\0cti-server-ports-{base}")
        except OSError:
            return False
        return True

    def release(self) -> None:
        self._lock.close()


def _shuffled(bases: range) -> list[int]:
    return secrets.SystemRandom().sample(list(bases), len(bases))


def _free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


class AsteriskInstance:
    """One private Asterisk. `async with AsteriskInstance(folder, agi=["127.0.0.1:4573"]) as switch: …`

    `folder` is this instance's own (conf, spool, log, database); passwords are drawn anew for each folder and kept in it.
    `agi` are the servers callers are sent to, in the order they are tried. `music` is `tone` (440 Hz, to be heard by
    tests) or `tune`. `webrtc_address` is the address browsers reach media at.
    """

    user = "cti"

    def __init__(
        self,
        folder: Path,
        *,
        agi: Sequence[str] = (),
        node: str = "asterisk",
        port_base: int | None = None,
        agents: Sequence[str] = AGENTS,
        retry_seconds: int = 15,
        fallback_seconds: int = 600,
        qualify_seconds: int = 0,
        music: str = "tone",
        webrtc_address: str = "127.0.0.1",
        carrier_match: str = CARRIER_ADDRESS,
        demo_caller: bool = False,
        root: Path | None = None,
    ) -> None:
        self.folder = folder.resolve()
        self.node = node
        self._claim = Claim(port_base)
        self.ports = self._claim.ports
        self.agents = tuple(agents)
        self.log = self.folder / "log" / "messages.log"
        self.queue_log = self.folder / "log" / "queue_log"
        self._agi = tuple(agi) or (f"127.0.0.1:{self.ports.agi}",)
        self._music = music
        self._demo_caller = demo_caller
        self._program, self._modules, self._data = command(root)
        self._process: Process | None = None
        # The control socket's path must stay below 108 bytes, however deep `folder` lies.
        self._run = Path(tempfile.mkdtemp(prefix="cti-asterisk-"))
        self._secrets = self._kept_secrets()
        self._webrtc_address = webrtc_address
        self._values = self._all_values(retry_seconds, fallback_seconds, qualify_seconds, carrier_match)

    # ---- what others need to know -------------------------------------------------------------------------

    @property
    def secret(self) -> str:
        """AMI password of `user`."""
        return self._secrets["ami"]

    def password(self, agent: str) -> str:
        """SIP password of an agent's phones: user `1001` over UDP, `1001w` over WebSocket."""
        return self._secrets[agent]

    @property
    def softphone_secrets(self) -> Path:
        """What the server's setting `phones.secrets` names: passwords of the phones in pages."""
        return self.folder / "secrets" / "softphones.json"

    def _softphone_passwords(self) -> Iterator[tuple[str, str]]:
        for agent in self.agents:
            yield f"{agent}{SOFTPHONE}", self.password(agent)
        if self._demo_caller:
            yield DEMO_ENDPOINT, self._secrets[DEMO_ENDPOINT]

    @property
    def process_id(self) -> int | None:
        return self._process.pid if self._process and self._process.running else None

    async def cli(self, line: str) -> str:
        """Run one console command; raises SwitchUnavailable when Asterisk does not answer."""
        status, output = await run(*self._program, "-C", str(self.folder / "etc/asterisk.conf"), "-rx", line)
        if status:
            raise SwitchUnavailable(f"Asterisk {self.node} does not answer on its console")
        return output

    async def serve_from(self, *addresses: str) -> None:
        """From now on new tries go to these servers (host:port)."""
        self._agi = addresses
        self._values["AGI_NODES"] = "&".join(addresses)
        await self.cli(f"dialplan set global CTI_NODES {self._values['AGI_NODES']}")

    # ---- life ------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Write the conf files, start, return when fully booted. Raises SwitchUnavailable with the log's last lines."""
        self._write()
        await self._make_music()
        with (self.folder / "log/console.log").open("ab") as console:
            self._process = Process(
                [*self._program, "-f", "-C", str(self.folder / "etc/asterisk.conf")], output=console
            )
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._booted(self._process)
        except TimeoutError:
            await self.kill()
            raise SwitchUnavailable(f"Asterisk was not up after {START_SECONDS:.0f} s:\n{self._last_words()}") from None
        except BaseException:
            await self.kill()  # half booted, it does not hear SIGTERM
            raise

    async def stop(self) -> None:
        """Hang up everything and end; killed when that takes too long."""
        if self._process:
            await self._process.stop(STOP_SECONDS)

    async def kill(self) -> None:
        """End it like a power cut."""
        if self._process:
            await self._process.kill()

    async def wait(self) -> int:
        """Until the process ends by itself; its exit status."""
        return await self._process.wait() if self._process else 0

    async def restart(self) -> None:
        """Stop and start on the same ports, with the same passwords."""
        await self.stop()
        await self.start()

    async def close(self) -> None:
        """Stop and give the ports back. The folder stays, for whoever wants to read the logs."""
        await self.stop()
        self._claim.release()
        await asyncio.to_thread(shutil.rmtree, self._run, ignore_errors=True)

    # ---- how ---------------------------------------------------------------------------------------------------

    async def _booted(self, process: Process) -> None:
        while True:
            if not process.running:
                raise SwitchUnavailable(f"Asterisk ended at its start:\n{self._last_words()}")
            try:
                await self.cli("core waitfullybooted")
                return
            except SwitchUnavailable:
                await asyncio.sleep(0.05)

    def _last_words(self) -> str:
        texts = [p.read_text(errors="replace") for p in (self.log, self.folder / "log/console.log") if p.is_file()]
        return "\n".join("\n".join(texts).splitlines()[-20:])

    def _kept_secrets(self) -> Mapping[str, str]:
        folder = self.folder / "secrets"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return {name: _secret(folder / name) for name in ("ami", "system", *self.agents, DEMO_ENDPOINT)}

    def _all_values(self, retry: int, fallback: int, qualify: int, carrier_match: str) -> dict[str, str]:
        first, last = self.ports.rtp
        folders = {name.upper(): str(self.folder / name) for name in ("etc", "var", "data", "spool", "log", "cache")}
        return folders | {
            "RUN": str(self._run),
            "MODULES": str(self._modules),
            "MUSIC": str(self.folder / "music"),
            "SOUNDS": str(TEMPLATES / "sounds"),
            "NODE": self.node,
            "SYSTEM_SECRET": "".join(filter(str.isalnum, self._secrets["system"]))[:12],
            "AGI_NODES": "&".join(self._agi),
            "RETRY_SECONDS": str(retry),
            "FALLBACK_SECONDS": str(fallback),
            "QUALIFY_SECONDS": str(qualify),
            "AMI_ADDRESS": "127.0.0.1",
            "AMI_PORT": str(self.ports.ami),
            "AMI_SECRET": self.secret,
            "AMI_PERMIT": "127.0.0.0/255.0.0.0",
            "HTTP_ADDRESS": "127.0.0.1",
            "HTTP_PORT": str(self.ports.http),
            "SIP_ADDRESS": "127.0.0.1",
            "SIP_PORT": str(self.ports.sip),
            "MEDIA_ADDRESS": "127.0.0.1",
            "WEBRTC_ADDRESS": self._webrtc_address,
            "ICE_HOST_CANDIDATES": _ice_candidates(self._webrtc_address),
            "RTP_START": str(first),
            "RTP_END": str(last),
            "CARRIER": f"{CARRIER_ADDRESS}:{self.ports.carrier}",
            "CARRIER_MATCH": carrier_match,
        }

    def _write(self) -> None:
        for name in ("etc", "var", "data/sounds", "spool", "log", "cache", "music", "var/keys"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        etc = self.folder / "etc"
        etc.chmod(0o700)
        # Asked for at start and left at their defaults: present and empty, so that the log stays clean.
        for name in (TEMPLATES / "conf/empty.list").read_text().split():
            (etc / f"{name}.conf").write_text("")
        for template in (TEMPLATES / "conf").glob("*.conf"):
            if template.name != DEMO:
                (etc / template.name).write_text(render(template.read_text(), self._values))
        phones = [agent_phones(agent, agent, self.password(agent)) for agent in self.agents]
        if self._demo_caller:
            demo = (TEMPLATES / "conf" / DEMO).read_text()
            phones.append(render(demo, {**self._values, "DEMO_SECRET": self._secrets[DEMO_ENDPOINT]}))
        (etc / "pjsip_agents.conf").write_text("".join(phones))
        write_secrets(self.softphone_secrets, self._softphone_passwords())
        _link_data(self._data, self.folder / "data")

    async def _make_music(self) -> None:
        target = self.folder / "music" / f"{self._music}.wav"
        if target.is_file():
            return
        status, _ = await run(str(TEMPLATES / "hold-music"), self._music, str(target))
        if status:
            raise SwitchUnavailable("the hold music could not be made; is sox installed? (scripts/install asterisk)")


def _secret(path: Path) -> str:
    if not path.is_file():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(18))
    return path.read_text()


def _link_data(source: Path, target: Path) -> None:
    """Asterisk's own data folder, with `sounds/en` pointing at real files (the package's links are absolute)."""
    for entry in source.iterdir():
        if entry.name != "sounds":
            _link(entry, target / entry.name)
    voices = sorted(p for p in (source / "sounds").iterdir() if p.is_dir() and (p / "beep.gsm").is_file())
    if voices:
        _link(voices[0], target / "sounds/en")


def _link(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    target.symlink_to(source)


def _ice_candidates(address: str) -> str:
    """Loopback is never offered to browsers by itself: name every address of this machine as an alias of 127.0.0.1."""
    if address != "127.0.0.1":
        return ""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing; asks which address we would use
        except OSError:
            return ""
        return f"{probe.getsockname()[0]} => 127.0.0.1"
