"""The file store: originals as received, by content, sealed.

``originals/ab/abcdef…`` with mode 0400 in folders of 0700. Files are written beside their place, synced and renamed, so
a killed writer leaves at most a hidden fragment; storing the same bytes again does nothing. Refused files are kept
as well: what the office received is evidence, whatever it was worth.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
from pathlib import Path
from typing import NamedTuple, Self

from qxmonitor.errors import QxError
from qxmonitor.settings import Settings

_CHUNK = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Changed(QxError):
    """A file is not what was looked at: it changed since, or while it was read."""


class Sight(NamedTuple):
    """What tells from outside that a file is the same: bytes, and the times of its content and its inode (ns).

    A copy may set the first time back to the original's; nobody can set the second.
    """

    bytes: int
    modified: int
    changed: int

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns)


class FileStore:
    """Originals of one home."""

    def __init__(self, settings: Settings) -> None:
        self.root, self._place = settings.originals_dir, settings.original

    def put(self, source: Path, seen: Sight | None = None) -> tuple[str, int]:
        """Keep a file; returns its sha256 and size in bytes. The bytes hashed are the bytes kept.

        Args:
            source: the file.
            seen: what it looked like; with it the file must still look so, and must not be a link.

        Raises:
            Changed: it changed while it was read, or since it was seen.
            QxError: the file cannot be read, or the store cannot be written.
        """
        try:
            # Not to wait for the other end, should it have become a pipe meanwhile.
            handle = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (os.O_NOFOLLOW if seen else 0))
            with os.fdopen(handle, "rb") as stream:
                status = os.fstat(handle)
                if not stat.S_ISREG(status.st_mode):
                    raise QxError(f"不是普通文件：{source}")
                before = Sight.of(status)
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
                size = stream.tell()
                _unchanged(source, before if seen is None else seen, handle, size)
                if self.has(digest):
                    return digest, size
                stream.seek(0)
                self._folder(self.root)
                handle, name = tempfile.mkstemp(prefix=".new-", dir=self.root)
                fragment = Path(name)
                try:
                    with os.fdopen(handle, "wb") as kept:
                        copied, size = hashlib.sha256(), 0
                        while chunk := stream.read(_CHUNK):
                            copied.update(chunk)
                            size += kept.write(chunk)
                        _unchanged(source, before, stream.fileno(), size)
                        kept.flush()
                        os.fchmod(kept.fileno(), 0o400)
                        os.fsync(kept.fileno())
                    digest = copied.hexdigest()
                    place = self.path(digest)
                    self._folder(place.parent)
                    fragment.rename(place)
                    _sync(place.parent)
                except BaseException:
                    fragment.unlink(missing_ok=True)
                    raise
        except OSError as error:
            raise QxError(f"文件无法留存：{source}（{error.strerror}）") from None
        return digest, size

    def has(self, sha256: str) -> bool:
        """Whether the store holds this content."""
        return self.path(sha256).exists()

    def path(self, sha256: str) -> Path:
        """Where a content lies or would lie.

        Raises:
            ValueError: not a sha256.
        """
        if not _SHA256.fullmatch(sha256):
            raise ValueError(f"not a sha256: {sha256[:80]!r}")
        return self._place(sha256)

    def _folder(self, folder: Path) -> None:
        try:
            folder.mkdir(mode=0o700, parents=False)
        except FileNotFoundError:
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
        except FileExistsError:
            return
        _sync(folder.parent)


def _unchanged(source: Path, before: Sight, handle: int, size: int) -> None:
    if Sight.of(os.fstat(handle)) != before or size != before.bytes:
        raise Changed(f"文件在读取期间有变化，请待写完后再收：{source}")


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
