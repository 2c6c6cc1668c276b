"""Which SMTP server, how to secure the line to it, and as whom: from a URL or from plain parts.

``smtp+starttls://user:password@host:587?timeout=60&ca=/path``, ``smtps://host:465``, ``smtp://127.0.0.1:25``. Special
characters of user and password are written %XX. Options: ``timeout`` (seconds a step may take), ``ca`` (a file of
certificates in place of the system's), ``verify=no`` (do not check the certificate), ``plain=yes`` (an unencrypted
line to another machine). No message of this module, and no repr, carries the URL or the password.
"""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from qxmonitor.errors import QxError

Security = Literal["starttls", "tls", "none"]

_SCHEMES: dict[str, Security] = {"smtp+starttls": "starttls", "smtps": "tls", "smtp": "none"}
_PORTS: dict[Security, int] = {"starttls": 587, "tls": 465, "none": 25}
_OPTIONS = {"timeout", "ca", "verify", "plain"}
_YES_NO = {"yes": True, "no": False}

STEP_SECONDS, END_SECONDS = 60.0, 600.0
"""How long one step may take, and the answer to the whole mail (RFC 5321, 4.5.3.2.6), when nothing else is said."""


@dataclass(frozen=True)
class SmtpServer:
    """A server to hand mails to.

    Attributes:
        host: name or address.
        port: 0 is the usual one of the security.
        security: ``starttls``, ``tls`` (from the first byte) or ``none``.
        login: user name; empty to send without logging in.
        password: of the login.
        timeout: seconds a step may take, the answer to the whole mail included; None is a minute, and ten for that.
        ca: a file of certificates to trust in place of the system's.
        verify: check the server's certificate and name.
        plain: allow an unencrypted line to a machine other than this one.

    Raises:
        QxError: the parts do not fit together.
    """

    host: str
    port: int = 0
    login: str = ""
    password: str = field(default="", repr=False)
    security: Security = "starttls"
    timeout: float | None = None
    ca: Path | None = None
    verify: bool = True
    plain: bool = False

    def __post_init__(self) -> None:
        if wrong := self._wrong():
            raise QxError(f"邮件服务器设置不对：{wrong}")
        object.__setattr__(self, "port", self.port or _PORTS[self.security])

    def _wrong(self) -> str:
        if self.security not in _PORTS:
            return "加密方式只能是 starttls、tls 或 none"
        if not self.host or not self.host.isprintable() or set(self.host) & set(" /@?#"):
            return "缺少主机名"
        if not 0 <= self.port <= 65535:
            return "端口不对"
        if bool(self.login) != bool(self.password):
            return "用户名和密码须同时给出"
        if not (self.login + self.password).isascii() or not (self.login + self.password).isprintable():
            return "用户名和密码只能用 ASCII 可见字符"
        if self.timeout is not None and not 0 < self.timeout <= 3600:
            return "timeout 应为 1 至 3600 秒"
        if self.security == "none" and not (self.plain or self.loopback):
            return "未加密的线路只能连本机；确需如此，在网址后写 ?plain=yes"
        return ""

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Read a URL.

        Raises:
            QxError: it is wrong; the message never contains it.
        """
        parts, wrong = _split(url)
        if parts is None:
            raise QxError(f"QXMONITOR_SMTP_URL 不对：{wrong}")
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        return cls(
            host=parts.hostname or "",
            port=parts.port or 0,
            login=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            security=_SCHEMES[parts.scheme],
            timeout=float(options["timeout"]) if "timeout" in options else None,
            ca=Path(options["ca"]) if options.get("ca") else None,
            verify=_YES_NO[options.get("verify", "yes")],
            plain=_YES_NO[options.get("plain", "no")],
        )

    @property
    def loopback(self) -> bool:
        """Whether the server is this machine."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"

    @property
    def step_seconds(self) -> float:
        return self.timeout or STEP_SECONDS

    @property
    def end_seconds(self) -> float:
        return self.timeout or END_SECONDS

    def context(self) -> ssl.SSLContext:
        """How to check and encrypt.

        Raises:
            QxError: the file of certificates cannot be read.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except (OSError, ssl.SSLError):
            raise QxError(f"邮件服务器设置不对：读不了证书文件 {self.ca}") from None
        if not self.verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context

    def without_secrets(self, text: str) -> str:
        """A server's words, should it repeat the password."""
        return text.replace(self.password, "***") if self.password else text


def _split(url: str) -> tuple[SplitResult | None, str]:
    """The parts of a URL that is well formed, else None and what is wrong, without any piece of it."""
    try:
        parts = urlsplit(url)
        options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        _ = parts.port
    except ValueError:
        return None, "写法不对，用户名、密码中的特殊字符须写成 %XX"
    if parts.scheme not in _SCHEMES:
        return None, "应以 smtp+starttls://、smtps:// 或 smtp:// 开头"
    if not parts.hostname or parts.path not in ("", "/") or parts.fragment:
        return None, "写法不对，应如 smtp+starttls://用户:密码@主机:587，特殊字符须写成 %XX"
    given = dict(options)
    if len(given) < len(options) or not given.keys() <= _OPTIONS:
        return None, f"选项只有 {'、'.join(sorted(_OPTIONS))}，各至多一次"
    if not {given.get("verify", "yes"), given.get("plain", "no")} <= _YES_NO.keys():
        return None, "verify 和 plain 只能是 yes 或 no"
    if not given.get("timeout", "1").replace(".", "", 1).isdecimal() or not given.get("timeout", "1").isascii():
        return None, "timeout 应为秒数"
    return parts, ""
