"""A private PostgreSQL: its own folder, reached over a Unix socket in it, so no port is taken."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from cti_server.errors import BadSettings, StorageUnavailable
from cti_server.lab.process import Process, run

START_SECONDS = 30.0


def binaries() -> Path:
    """Folder of the newest installed PostgreSQL's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    if not found:
        raise BadSettings("PostgreSQL is not installed; run scripts/install test")
    return found[-1]


class PostgresInstance:
    """`async with PostgresInstance() as postgres: url = await postgres.database()`. Data is gone afterwards."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="cti-postgres-"))
        # PostgreSQL refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else ""
        self._process: Process | None = None

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
        """Create the cluster at the first start; returns when it answers."""
        data = self.folder / "data"
        if not data.is_dir():
            if self._user:
                shutil.chown(self.folder, "postgres", "postgres")
            await self._must("initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8")
        with (self.folder / "log").open("ab") as log:
            self._process = Process(
                [str(binaries() / "postgres"), "-D", str(data), "-k", str(self.folder),
                 "-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=200"],
                output=log,
                user=self._user,
            )  # fmt: skip
        async with asyncio.timeout(START_SECONDS):
            while (await self._run("pg_isready", "-h", str(self.folder)))[0]:
                if not self._process.running:
                    raise StorageUnavailable(f"PostgreSQL ended at its start; see {self.folder}/log")
                await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """Cut every connection; the data stays until `close`."""
        if self._process:
            await self._process.stop(20, signal.SIGINT)

    async def close(self) -> None:
        await self.stop()
        await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)

    async def database(self) -> str:
        """A fresh empty database; its SQLAlchemy address."""
        name = f"cti_{secrets.token_hex(6)}"
        await self._must("createdb", "-h", str(self.folder), "-U", "postgres", name)
        return f"postgresql+asyncpg://postgres@/{name}?host={self.folder}"

    async def drop(self, url: str) -> None:
        """Drop a database made by `database`, whoever is still connected."""
        name = url.split("@/", 1)[1].split("?", 1)[0]
        await self._must("dropdb", "-h", str(self.folder), "-U", "postgres", "--force", name)

    async def _must(self, program: str, *arguments: str) -> None:
        status, output = await self._run(program, *arguments)
        if status:
            raise StorageUnavailable(f"{program} failed: {output}")

    async def _run(self, program: str, *arguments: str) -> tuple[int, str]:
        return await run(str(binaries() / program), *arguments, user=self._user)
