"""Taking in a file that an operator uploads: streamed to a hidden name, synced, then named in one step.

The scheduler's page (``plugins/upload.py``) answers requests with this; nothing here knows of it. Memory holds a block,
whatever the size. An upload that breaks off, is refused or killed leaves nothing, and may be sent again: the same
content under the same name of the same day is one file, another content stands beside it. Who sends the file says on
which day the office received it; nothing of the content is read here.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import re
from collections.abc import AsyncIterator
from datetime import date, datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

from qxmonitor.errors import QxError
from qxmonitor.landing import names, place
from qxmonitor.settings import Settings

CHANNEL = "上传"
"""Folder of what was uploaded, in the folder of its day."""

FIRST_DAY = date(2000, 1, 1)
_BLOCK = 1 << 20
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Rejected(QxError):
    """A file is not taken; one Chinese line without its content.

    Attributes:
        status: of the answer to the request: 400, 413, 500 or 507.
    """

    def __init__(self, words: str, status: int = 400) -> None:
        super().__init__(words)
        self.status = status


class Taken(NamedTuple):
    """A file that lies in the landing folder.

    Attributes:
        name: its path below the folder.
        bytes: its size.
        sha256: of its content.
        known: whether the office has this content already.
    """

    name: str
    bytes: int
    sha256: str
    known: bool


async def take(settings: Settings, name: str, day: str, content: AsyncIterator[bytes], size: int | None) -> Taken:
    """Lay one uploaded file into the landing folder.

    Args:
        settings: the installation.
        name: what the file is called where it comes from.
        day: the day on which the office received it, ``2026-11-18``; empty for today.
        content: its bytes, in pieces; read to the end only when the file is taken.
        size: how many they are to be, when that was said.

    Raises:
        Rejected: the name, the day or the size is refused, or the folder cannot be written.
        Exception: whatever ``content`` raises, when the sender breaks off.
    """
    received = _day(day, settings.now())
    called = _name(name)
    if size == 0:
        raise Rejected("文件是空的")
    if size is not None and size > settings.largest:
        raise _too_large(settings)
    try:
        with place.draft(settings.landing_dir) as written:
            sha256, there = await _write(written, content, settings)
            if size is not None and there != size:
                raise Rejected("没有传完整，请重新上传")
            folder = settings.landing_dir / f"{received:%Y-%m-%d}" / CHANNEL
            target, known = await asyncio.to_thread(place.settle, written, folder, called, sha256)
    except OSError as error:
        if error.errno in _FULL:
            raise Rejected("磁盘空间不足，没有收下，请通知运维", 507) from None
        raise Rejected(f"收件目录写不了（{error.strerror}），没有收下，请通知运维", 500) from None
    known = known or settings.original(sha256).exists()
    return Taken(str(target.relative_to(settings.landing_dir)), there, sha256, known)


async def _write(path: Path, content: AsyncIterator[bytes], settings: Settings) -> tuple[str, int]:
    """Write the pieces down and sync; sha256 and size. The disk is waited for in a thread, not in the loop."""
    digest, size = hashlib.sha256(), 0
    with path.open("xb", buffering=_BLOCK) as out:
        async for piece in content:
            size += len(piece)
            if size > settings.largest:
                raise _too_large(settings)
            await asyncio.to_thread(_piece, out, digest, piece)
        if not size:
            raise Rejected("文件是空的")
        await asyncio.to_thread(_sync, out)
    return digest.hexdigest(), size


def _piece(out: BinaryIO, digest: hashlib._Hash, piece: bytes) -> None:
    digest.update(piece)
    out.write(piece)


def _sync(out: BinaryIO) -> None:
    out.flush()
    os.fsync(out.fileno())


def _too_large(settings: Settings) -> Rejected:
    return Rejected(f"超过 {settings.largest >> 20} MiB，请拆分后上传", 413)


def _name(name: str) -> str:
    if not name.strip():
        raise Rejected("没有文件名")
    if names.passed_over(name):
        raise Rejected("隐藏文件或系统文件，不收")
    if why := names.unfinished(name):
        raise Rejected(f"{why}，不收")
    return names.safe_name(name)


def _day(text: str, now: datetime) -> date:
    if not text:
        return now.date()
    try:
        day = date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError:
        raise Rejected("收到日期写法不对，应如 2026-11-18") from None
    if not FIRST_DAY <= day <= now.date():
        raise Rejected("收到日期不能晚于今天，也不能早于 2000 年")
    return day
