"""The file store: originals as received, by content, sealed.

``originals/ab/abcdef…`` with mode 0400 in folders of 0700. Files are written beside their place, synced and renamed, so
a killed writer leaves at most a hidden fragment; storing the same bytes again does nothing. Refused files are kept
as well: what the office received is evidence, whatever it was worth.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path

from qxmonitor.errors import QxError
from qxmonitor.settings import Settings

_CHUNK = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")


class FileStore:
    """Originals of one home."""

    def __init__(self, settings: Settings) -> None:
        self.root = settings.originals_dir

    def put(self, source: Path) -> tuple[str, int]:
        """Keep a file; returns its sha256 and size in bytes. The bytes hashed are the bytes kept.

        Raises:
            QxError: the file cannot be read, or the store cannot be written.
        """
        try:
            with source.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
                size = stream.tell()
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
        return self.root / sha256[:2] / sha256

    def _folder(self, folder: Path) -> None:
        try:
            folder.mkdir(mode=0o700, parents=False)
        except FileNotFoundError:
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
        except FileExistsError:
            return
        _sync(folder.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
