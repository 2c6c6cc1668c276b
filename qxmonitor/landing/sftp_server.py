"""Which SFTP server files are fetched from, as whom, and how it is known to be the one: from a URL or from plain parts.

``sftp://user:password@host:22/path?known_hosts=/path`` or ``sftp://user@host/path?key=/path&host_key=SHA256:…``. The
path is absolute; ``/~/path`` is below the folder one logs in to. Special characters of user and password are written
%XX. Options: ``known_hosts`` (a file as OpenSSH keeps it) or ``host_key`` (the fingerprint of the server's key), one of
which must be there; ``key`` (a private key without a passphrase), ``password_file`` (its first line), ``timeout``
(seconds a step may take). No message of this module, and no repr, carries the URL or the password.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from qxmonitor.errors import QxError

_OPTIONS = {"known_hosts", "host_key", "key", "password_file", "timeout"}
_FINGERPRINT = re.compile(r"SHA256:[0-9A-Za-z+/]{43}")


@dataclass(frozen=True)
class SftpServer:
    """A server to fetch files from.

    Attributes:
        host: name or address.
        login: user name.
        port: usually 22.
        path: the folder that is read with all below it; not beginning with ``/``: below the one logged in to.
        password: of the login; empty to use the key.
        password_file: a file whose first line is the password.
        key: a private key.
        known_hosts: a file of host keys.
        host_key: fingerprint of the host's key, ``SHA256:…``.
        timeout: seconds a step may take.

    Raises:
        QxError: the parts do not fit together.
    """

    host: str
    login: str
    port: int = 22
    path: str = "."
    password: str = field(default="", repr=False)
    password_file: Path | None = None
    key: Path | None = None
    known_hosts: Path | None = None
    host_key: str = ""
    timeout: float = 30.0

    def __post_init__(self) -> None:
        if wrong := self._wrong():
            raise QxError(f"SFTP 设置不对：{wrong}")

    def _wrong(self) -> str:
        if not self.host or not self.host.isprintable() or set(self.host) & set(" /@?#"):
            return "缺少主机名"
        if not self.login or not self.login.isprintable():
            return "缺少用户名"
        if not 0 < self.port <= 65535:
            return "端口不对"
        if not (self.password or self.password_file or self.key):
            return "缺少密码、password_file 或 key（私钥文件）"
        if bool(self.known_hosts) == bool(self.host_key):
            return "须用 known_hosts（文件）或 host_key（SHA256: 指纹）之一登记服务器的主机密钥"
        if self.host_key and not _FINGERPRINT.fullmatch(self.host_key):
            return "host_key 应如 ssh-keygen -lf 所示：SHA256: 后接 43 个字符"
        if not 0 < self.timeout <= 3600:
            return "timeout 应为 1 至 3600 秒"
        return ""

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Read a URL.

        Raises:
            QxError: it is wrong; the message never contains it.
        """
        parts, wrong = _split(url)
        if parts is None:
            raise QxError(f"QXMONITOR_SFTP_URL 不对：{wrong}")
        # Not parse_qsl for the values: a plus sign in a fingerprint is a plus sign.
        given = dict(pair.partition("=")[::2] for pair in parts.query.split("&") if pair)
        options = {name: unquote(value) for name, value in given.items()}
        return cls(
            host=parts.hostname or "",
            login=unquote(parts.username or ""),
            port=parts.port or 22,
            path=folder(unquote(parts.path)),
            password=unquote(parts.password or ""),
            password_file=_path(options.get("password_file")),
            key=_path(options.get("key")),
            known_hosts=_path(options.get("known_hosts")),
            host_key=options.get("host_key", ""),
            timeout=float(options.get("timeout") or 30.0),
        )

    @property
    def name(self) -> str:
        """What the server is called in lists and memories."""
        return f"{self.login}@{self.host}:{self.port}"

    def secret(self) -> str | None:
        """The password, if there is one.

        Raises:
            QxError: its file cannot be read.
        """
        if self.password or self.password_file is None:
            return self.password or None
        try:
            return self.password_file.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
        except (OSError, ValueError):
            raise QxError(f"SFTP 设置不对：读不了密码文件 {self.password_file}") from None


def folder(path: str) -> str:
    """A URL's path as SFTP wants it.

    >>> folder("/data/in"), folder("/~/in"), folder(""), folder("/~")
    ('/data/in', 'in', '.', '.')
    """
    return path if path.strip("/") and not path.startswith("/~") else path.removeprefix("/~").strip("/") or "."


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _split(url: str) -> tuple[SplitResult | None, str]:
    """The parts of a URL that is well formed, else None and what is wrong, without any piece of it."""
    try:
        parts = urlsplit(url)
        options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        _ = parts.port
    except ValueError:
        return None, "写法不对，用户名、密码中的特殊字符须写成 %XX"
    if parts.scheme != "sftp":
        return None, "应以 sftp:// 开头"
    if not parts.hostname or not parts.username or parts.fragment:
        return None, "写法不对，应如 sftp://用户@主机:22/目录?key=私钥文件&known_hosts=文件，特殊字符须写成 %XX"
    given = dict(options)
    if len(given) < len(options) or not given.keys() <= _OPTIONS:
        return None, f"选项只有 {'、'.join(sorted(_OPTIONS))}，各至多一次"
    if not given.get("timeout", "1").replace(".", "", 1).isdecimal() or not given.get("timeout", "1").isascii():
        return None, "timeout 应为秒数"
    return parts, ""
