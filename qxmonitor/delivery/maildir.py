"""A Maildir as transport: tmp → new, under a name that follows from the Message-ID.

A mail delivered again after a kill lands on the same name, also when a mail reader has moved it to ``cur/``, so it
is there once. Folders 0700, files 0600: mails carry figures.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from qxmonitor.delivery.ledger import Deferred

HOST = "qxmonitor"


class Maildir:
    """The transport of the first delivery form: every recipient has a Maildir under ``root``."""

    name = "maildir"
    repeatable = True

    def __init__(self, root: Path) -> None:
        self.root = root

    def deliver(self, message_id: str, recipient: str, body: bytes, handing_over: Callable[[], None]) -> str:
        """Write one mail and flush it to disk; returns its place under the root.

        Raises:
            Deferred: the folder cannot be written.
        """
        handing_over()
        try:
            return self._write(message_id, recipient, body)
        except OSError as error:
            raise Deferred(f"投递未成：{error.strerror or type(error).__name__}") from None

    def _write(self, message_id: str, recipient: str, body: bytes) -> str:
        box = self.folder(recipient)
        name = filename(message_id)
        for sub in ("tmp", "new", "cur"):
            _private(box / sub)
        place = f"{box.name}/new/{name}"
        if _here(box, name):
            return place
        draft = box / "tmp" / name
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(box / "new" / name)
        _sync(box / "new")
        return place

    def folder(self, recipient: str) -> Path:
        """The Maildir of a recipient; its address with anything unusual in a file name replaced."""
        safe = "".join(c if c.isalnum() or c in "@._-" else "_" for c in recipient).lstrip(".")
        return self.root / safe


def filename(message_id: str) -> str:
    """A Maildir file name that depends on the Message-ID only."""
    return f"{sha256(message_id.encode()).hexdigest()[:32]}.{HOST}"


def _here(box: Path, name: str) -> bool:
    return (box / "new" / name).exists() or any(box.glob(f"cur/{name}*"))


def _private(folder: Path) -> None:
    missing = [p for p in (folder, *folder.parents) if not p.exists()]
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)
        path.chmod(0o700)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
