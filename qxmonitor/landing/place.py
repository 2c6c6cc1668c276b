"""Laying a file into the landing folder: written under a hidden name, then named in one step, never over another."""

from __future__ import annotations

import errno
import hashlib
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from qxmonitor.landing import INCOMING

_DAY = 24 * 3600.0
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS})


@contextmanager
def draft(landing: Path) -> Iterator[Path]:
    """A hidden place to write a file to; what is left there at the end is removed."""
    folder = landing / INCOMING
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / uuid.uuid4().hex
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def sweep(landing: Path) -> int:
    """Remove what killed writers left for more than a day; how many."""
    try:
        left = [path for path in (landing / INCOMING).iterdir() if time.time() - path.lstat().st_mtime > _DAY]
    except FileNotFoundError:
        return 0
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


def settle(written: Path, folder: Path, name: str, sha256: str) -> tuple[Path, bool]:
    """Give a written file its name in a folder; another content of that name stays, and this one gets a mark.

    Args:
        written: the file, in the same landing folder, written and synced.
        folder: where it goes; made when it is not there.
        name: a safe name.
        sha256: of its content.

    Returns:
        Where it lies, and whether the same content lay there already.

    Raises:
        OSError: it cannot be laid there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with suppress(PermissionError):  # a file system without modes
        written.chmod(0o600)  # figures of firms: only for the account that runs this
    stem, suffix = os.path.splitext(name)  # noqa: PTH122 - a name, not a path
    for candidate in (name, f"{stem}~{sha256[:12]}{suffix}", f"{stem}~{sha256}{suffix}"):
        target = folder / candidate
        if _named(written, target):
            _sync(folder)
            return target, False
        if _content(target) == sha256:
            return target, True
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(folder / name))


def _named(written: Path, target: Path) -> bool:
    try:
        os.link(written, target, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(target):  # a file system without links: no writer but us under this name, we hope
            return False
        written.rename(target)
        return True
    written.unlink()
    return True


def _content(path: Path) -> str:
    """The sha256 of what lies there; empty when it is no ordinary file."""
    if path.is_symlink() or not path.is_file():
        return ""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
