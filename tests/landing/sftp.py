"""An SFTP server on loopback, in this process, over a folder of the test; it counts whoever tries to write."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncssh

USER, PASSWORD = "office", "p@ss:/w?rd"


class Folder(asyncssh.SFTPServer):
    """Serves a folder; tests put what it shall do into ``server``."""

    server: Server

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes]) -> None:
        super().__init__(channel, chroot=str(self.server.root).encode())

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        self.server.calls.append(f"scandir {path.decode(errors='replace')}")
        self.server.listed(len(self.server.calls))
        async for name in super().scandir(path):
            yield name
        for extra in self.server.extra.get(path, []):
            yield extra

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> Any:
        self.server.calls.append(f"open {path.decode(errors='replace')}")
        if pflags & ~asyncssh.FXF_READ:
            self.server.writes += 1
        return super().open(path, pflags, attrs)

    def read(self, file_obj: Any, offset: int, size: int) -> Any:
        self.server.reading(offset)
        return super().read(file_obj, offset, size)


class Login(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)


class Server:
    """What the tests see of it.

    Attributes:
        root: the folder it serves.
        port: on loopback.
        key: its host key.
        calls: what clients did.
        writes: how often they tried to write.
        extra: made-up entries of a listing, by folder.
    """

    def __init__(self, root: Path) -> None:
        self.root, self.port, self.key = root, 0, asyncssh.generate_private_key("ssh-ed25519")
        self.client_key = asyncssh.generate_private_key("ssh-ed25519")
        self.calls: list[str] = []
        self.writes = 0
        self.extra: dict[bytes, list[asyncssh.SFTPName]] = {}

    def listed(self, number: int) -> None:
        """Called at each listing; tests replace it."""

    def reading(self, offset: int) -> None:
        """Called at each read; tests replace it."""

    def known_hosts(self, path: Path, key: asyncssh.SSHKey | None = None) -> Path:
        """Write a file of host keys that knows this server (by another key, if so)."""
        line = (key or self.key).export_public_key().decode().strip()
        path.write_text(f"[127.0.0.1]:{self.port} {line}\n", encoding="utf-8")
        return path


@contextmanager
def serving(root: Path) -> Iterator[Server]:
    """The server while it runs, in a thread of its own."""
    server = Server(root)
    ready, loop = threading.Event(), asyncio.new_event_loop()
    handler = type("Handler", (Folder,), {"server": server})

    async def start() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1", 0, server_host_keys=[server.key], server_factory=Login, sftp_factory=handler,
            authorized_client_keys=asyncssh.import_authorized_keys(server.client_key.export_public_key().decode()),
        )  # fmt: skip

    def run() -> None:
        asyncio.set_event_loop(loop)
        acceptor = loop.run_until_complete(start())
        server.port = acceptor.get_port()
        ready.set()
        loop.run_forever()
        acceptor.close()
        loop.run_until_complete(acceptor.wait_closed())
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.05))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
