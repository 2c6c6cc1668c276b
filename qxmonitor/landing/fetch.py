"""Fetching by SFTP: what is new below a folder of a server, into the landing folder. The server is only read.

What was fetched is remembered by path, size and time of change as the server tells them; that is also how a file that
still grows is told: two listings, ``Settings.quiet`` seconds apart, and a look after reading must say the same. It is
written under a hidden name and then named in one step, so a fetch that is killed leaves nothing half and is simply
called again. Names come from outside: they become one safe name each, in a folder of the day on which the office
received the file. That is today, or the day of the past by which the nearest folder on the server is named.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import re
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from io import FileIO
from pathlib import Path
from typing import Any, NamedTuple, cast

import asyncssh

from qxmonitor.errors import QxError
from qxmonitor.landing import names, place
from qxmonitor.landing.sftp_server import SftpServer
from qxmonitor.warehouse import Warehouse, landed

log = logging.getLogger(__name__)

Row = dict[str, Any]

CHANNEL = "SFTP"
"""Folder of what was fetched, in the folder of its day."""

_BLOCK = 256 << 10
_DEEPEST, _MOST = 12, 50_000
"""Folders below one another, and entries of a listing: a server that goes on and on ends there."""

_WHOLE = 1800.0
"""Seconds a whole call may take; the next goes on where it ended."""

_DAY = re.compile(rb"20\d\d-\d\d-\d\d")


class Remote(NamedTuple):
    """A file on the server: path below the folder fetched from, size, time of change in seconds."""

    path: bytes
    size: int
    modified: int


@dataclass
class _Call:
    """One fetch on its way.

    Attributes:
        wh: an open warehouse.
        server: where from.
        rows: what became of each file that is new.
        unlisted: folders that could not be listed.
    """

    wh: Warehouse
    server: SftpServer
    rows: list[Row] = field(default_factory=list)
    unlisted: int = 0

    def say(self, remote: Remote, state: str, why: str = "", name: str = "", sha256: str | None = None) -> None:
        self.rows.append(
            {
                "remote": _text(remote.path),
                "state": state,
                "bytes": remote.size,
                "sha256": sha256,
                "file": name,
                "why": why,
            }
        )


def fetch(wh: Warehouse, server: SftpServer) -> list[Row]:
    """Bring what is new; a row for each file that is not remembered.

    Args:
        wh: an open warehouse.
        server: where from.

    Returns:
        remote (path on the server), state (``fetched``, ``waiting`` or ``failed``), bytes, sha256, file (where it was
        laid), why.

    Raises:
        QxError: the server cannot be reached, is not the one it should be, refuses the login or the folder.
    """
    call = _Call(wh, server)
    with wh.alone(landed.LOCK_FETCH):
        place.sweep(wh.settings.landing_dir)
        try:
            asyncio.run(_bring(call))
        except QxError as error:
            landed.note_tried(wh, server.name, str(error))
            raise
        # Without names: what is remembered here is told to the operators by mail.
        wrong = [f"{call.unlisted} 个文件夹读不了"] if call.unlisted else []
        whys = [row["why"] for row in call.rows if row["state"] != "fetched"]
        wrong += [f"{whys.count(why)} 份文件{why}" for why in sorted(set(whys))]
        landed.note_tried(wh, server.name, "；".join(wrong))
    return call.rows


def probe(server: SftpServer) -> int:
    """Log in and list the folder; how many entries it has.

    Raises:
        QxError: as of :func:`fetch`.
    """

    async def look() -> int:
        async with _session(server) as sftp:
            names_there = [_name(entry) async for entry in sftp.scandir(server.path.encode())]
            return len(set(names_there) - {b".", b".."})

    return asyncio.run(look())


async def _bring(call: _Call) -> None:
    wh, server = call.wh, call.server
    known = landed.fetched(wh, server.name)
    async with _session(server) as sftp, asyncio.timeout(_WHOLE):
        new = [remote for remote in await _listing(call, sftp) if (remote.path, *remote[1:]) not in known]
        if not new:
            return
        await asyncio.sleep(wh.settings.quiet)
        call.unlisted = 0
        again = set(await _listing(call, sftp))
        for remote in new:
            if remote in again:
                await _one(call, sftp, remote)
            else:
                call.say(remote, "waiting", "还在变化，下次再取")


@asynccontextmanager
async def _session(server: SftpServer) -> AsyncIterator[asyncssh.SFTPClient]:
    """A session with the server; what goes wrong in it becomes one line."""
    at = f"SFTP {server.host}:{server.port}"
    try:
        async with (
            asyncssh.connect(server.host, server.port, options=_options(server)) as connection,
            connection.start_sftp_client(path_encoding=None) as sftp,
        ):
            yield sftp
    except (asyncssh.HostKeyNotVerifiable, asyncssh.KeyExchangeFailed):
        raise QxError(
            f"{at}：主机密钥未登记或与登记的不符，已拒绝连接；请向对方核实后更新 known_hosts 或 host_key"
        ) from None
    except asyncssh.PermissionDenied:
        raise QxError(f"{at}：不接受登录，请检查用户名、密码或私钥") from None
    except asyncssh.SFTPError as error:
        raise QxError(f"{at}：目录 {server.path} 读不了（{type(error).__name__}）") from None
    except TimeoutError:
        raise QxError(f"{at}：没有及时应答") from None
    except (OSError, asyncssh.Error) as error:
        if isinstance(error, OSError) and error.filename:  # of this machine
            raise QxError(f"SFTP：{error.filename} 读写不了（{error.strerror}）") from None
        raise QxError(f"{at}：连接不上或中断（{type(error).__name__}）") from None


def _options(server: SftpServer) -> asyncssh.SSHClientConnectionOptions:
    """How to log in and whom to trust: only what is configured, nothing of the account this runs in."""
    pinned = server.host_key

    class Client(asyncssh.SSHClient):
        def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
            return bool(pinned) and key.get_fingerprint() == pinned

    try:
        nobody: Any = ([], [], [])
        known = asyncssh.read_known_hosts(str(server.known_hosts)) if server.known_hosts else nobody
    except (OSError, ValueError):
        raise QxError(f"SFTP 设置不对：读不了主机密钥文件 {server.known_hosts}") from None
    try:
        keys = [asyncssh.read_private_key(server.key)] if server.key else None
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
        raise QxError(f"SFTP 设置不对：私钥 {server.key} 不是无口令的私钥文件") from None
    except OSError:
        raise QxError(f"SFTP 设置不对：读不了私钥 {server.key}") from None
    return asyncssh.SSHClientConnectionOptions(
        client_factory=Client, config=None, known_hosts=known, username=server.login, password=server.secret(),
        client_keys=keys, agent_path=None, x509_trusted_certs=None, gss_host=None,
        connect_timeout=server.timeout, login_timeout=server.timeout, keepalive_interval=server.timeout,
        keepalive_count_max=2,
    )  # fmt: skip


async def _listing(call: _Call, sftp: asyncssh.SFTPClient) -> list[Remote]:
    """The ordinary files below the folder; links are not followed, a folder that cannot be listed is said."""
    root = call.server.path.encode()
    found: list[Remote] = []
    folders, seen = [b""], 0
    while folders:
        at = folders.pop()
        here: list[asyncssh.SFTPName] = []
        try:
            async with asyncio.timeout(call.server.timeout * 10):
                async for entry in sftp.scandir(root + b"/" + at if at else root):
                    here.append(entry)
                    if seen + len(here) > _MOST:
                        raise QxError(f"SFTP 目录中的文件超过 {_MOST} 个，请对方清理或改用按日分的目录")
        except asyncssh.SFTPError:
            if not at:
                raise
            call.unlisted += 1
            continue
        seen += len(here)
        found += [remote for entry in here if (remote := _file(at, entry)) is not None]
        folders += [path for entry in here if (path := _folder(at, entry)) is not None]
    return sorted(found)


def _name(entry: asyncssh.SFTPName) -> bytes:
    return entry.filename if isinstance(entry.filename, bytes) else entry.filename.encode()


def _usable(name: bytes) -> bool:
    text = names.readable(name)
    return bool(name) and not set(name) & set(b"/\0") and not names.passed_over(text) and not names.unfinished(text)


def _file(at: bytes, entry: asyncssh.SFTPName) -> Remote | None:
    attributes, name = entry.attrs, _name(entry)
    plain = stat.S_ISREG(attributes.permissions or 0) or attributes.type == asyncssh.FILEXFER_TYPE_REGULAR
    if not plain or not _usable(name) or attributes.size is None:
        return None
    modified = min(attributes.mtime or 0, (1 << 63) - 1)
    return Remote(at + b"/" + name if at else name, min(attributes.size, (1 << 63) - 1), modified)


def _folder(at: bytes, entry: asyncssh.SFTPName) -> bytes | None:
    attributes, name = entry.attrs, _name(entry)
    folder = stat.S_ISDIR(attributes.permissions or 0) or attributes.type == asyncssh.FILEXFER_TYPE_DIRECTORY
    path = at + b"/" + name if at else name
    return path if folder and _usable(name) and path.count(b"/") < _DEEPEST else None


async def _one(call: _Call, sftp: asyncssh.SFTPClient, remote: Remote) -> None:
    """Bring one file; trouble with it costs this file only, trouble with the line or the disk the call."""
    if remote.size > (largest := call.wh.settings.largest):
        call.say(remote, "failed", f"超过 {largest >> 20} MiB，请拆分或当面交接")
        return
    landing = call.wh.settings.landing_dir
    source = call.server.path.encode() + b"/" + remote.path
    with place.draft(landing) as written:
        try:
            sha256 = await _copy(call, sftp, source, remote, written)
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPPermissionDenied, asyncssh.SFTPFailure) as error:
            gone = isinstance(error, asyncssh.SFTPNoSuchFile)
            call.say(remote, "waiting" if gone else "failed", "已不在服务器上" if gone else "服务器不让读")
            return
        if sha256 is None:
            call.say(remote, "waiting", "还在变化，下次再取")
            return
        day, name = _called(remote, call.wh.settings.now())
        target, _ = place.settle(written, landing / f"{day:%Y-%m-%d}" / CHANNEL, name, sha256)
    lies = str(target.relative_to(landing))
    landed.note_fetched(
        call.wh,
        {"server": call.server.name, "path": remote.path, "bytes": remote.size, "modified": remote.modified,
         "sha256": sha256, "name": lies},
    )  # fmt: skip
    call.say(remote, "fetched", name=lies, sha256=sha256)
    log.info("%s: %d bytes", lies, remote.size)


async def _copy(call: _Call, sftp: asyncssh.SFTPClient, source: bytes, remote: Remote, written: Path) -> str | None:
    """Write a remote file down; its sha256, or None when it is not (any more) what was listed."""
    digest, size, step = hashlib.sha256(), 0, call.server.timeout
    async with asyncio.timeout(step * 2 + remote.size / 10_000):  # 10 kB a second at least
        async with sftp.open(source, "rb") as stream:
            with written.open("xb", buffering=0) as out:  # nothing to be written at close, when nobody hears of it
                while size <= remote.size and (block := cast(bytes, await stream.read(_BLOCK))):
                    digest.update(block)
                    size += _write(out, block)
                _write(out, b"")
            after = await stream.stat()
    same = size == remote.size == after.size and after.mtime in (None, remote.modified)
    return digest.hexdigest() if same else None


def _write(out: FileIO, block: bytes) -> int:
    """Write a block, or sync when it is empty; trouble with this machine's disk is said as such."""
    try:
        if not block:
            os.fsync(out.fileno())
        left = memoryview(block)
        while left:
            left = left[out.write(left) :]
    except OSError as error:
        raise QxError(f"收件目录写不了：{error.strerror}") from None
    return len(block)


def _called(remote: Remote, now: datetime) -> tuple[date, str]:
    """The day a file is laid under, and its name there: the folders on the server become part of it."""
    *folders, last = remote.path.split(b"/")
    day, kept = now.date(), list[bytes](folders)
    for at in range(len(folders) - 1, -1, -1):
        named = _date(folders[at])
        if named is not None and named <= now.date():
            day, kept = named, folders[:at] + folders[at + 1 :]
            break
    return day, names.safe_name("_".join(map(names.readable, [*kept, last])))


def _date(name: bytes) -> date | None:
    if not _DAY.fullmatch(name):
        return None
    try:
        return date.fromisoformat(name.decode())
    except ValueError:
        return None


def _text(path: bytes) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in names.readable(path))
