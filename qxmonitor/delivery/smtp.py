"""Sending by SMTP: one mail, one recipient, one connection; its fate follows from what the server can have taken.

Before the dot that ends the mail is out, nothing can have been taken: trouble on the line and 4xx are ``Deferred``
(``Unreachable`` while connecting, encrypting and logging in, which fail for every mail alike), 5xx is ``Refused``. Once
the dot is out, only an answer says what became of the mail; without one it is ``Unknown``. smtplib speaks the protocol
step by step; its own ``sendmail`` and ``login`` would hide at which step it failed, and try one password three times.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from qxmonitor.catalog.mailboxes import wire
from qxmonitor.delivery.ledger import Deferred, Fate, Refused, Unknown, Unreachable
from qxmonitor.delivery.smtp_server import SmtpServer
from qxmonitor.disclosure.cleared import one_line

Reply = tuple[int, bytes]
T = TypeVar("T")

_CHUNK = 65_536
_PATIENCE = 10
"""Everything up to the dot may take this many times as long as one step; a server that drips ends there."""

_NOT_LOGGED_IN = frozenset({530, 534, 535, 538})
"""The server wants a login or encryption first (RFC 4954): true of every mail."""


class Smtp:
    """The transport to one server.

    Args:
        server: where and how.
        sender: the envelope's sender, where bounces go.

    Raises:
        QxError: the server's file of certificates cannot be read.
    """

    repeatable = False

    def __init__(self, server: SmtpServer, sender: str) -> None:
        self.server, self.sender = server, wire(sender)
        self.name = f"smtp {server.host}:{server.port}"
        self._context = server.context() if server.security != "none" else None

    def deliver(self, message_id: str, recipient: str, body: bytes, handing_over: Callable[[], None]) -> str:
        """Try once; returns the server's answer when it took the mail.

        Raises:
            Fate: it did not, or did not say so.
        """
        smtp = self._client()
        try:
            with _within(smtp, self.server.step_seconds * _PATIENCE):
                self._connect(smtp)
                self._encrypt(smtp)
                self._log_in(smtp)
                content = on_the_wire(body)
                self._envelope(smtp, wire(recipient), content)
                handing_over()
                self._write(smtp, content)
            if smtp.sock:
                smtp.sock.settimeout(self.server.end_seconds)
            with _within(smtp, self.server.end_seconds + 1):  # for a server that drips; the time-out comes first
                answer = self._finish(smtp)
            with suppress(smtplib.SMTPException, OSError):
                smtp.putcmd("quit")  # without waiting: what counts is known and should be written down at once
            return answer
        finally:
            smtp.close()

    def probe(self) -> None:
        """Connect, encrypt and log in, and send nothing.

        Raises:
            Fate: it did not work.
        """
        smtp = self._client()
        try:
            with _within(smtp, self.server.step_seconds):
                self._connect(smtp)
                self._encrypt(smtp)
                self._log_in(smtp)
        finally:
            smtp.close()

    def _client(self) -> smtplib.SMTP:
        hello, seconds = self.sender.partition("@")[2], self.server.step_seconds
        if self.server.security == "tls":
            client: smtplib.SMTP = smtplib.SMTP_SSL(local_hostname=hello, timeout=seconds, context=self._context)
        else:
            client = smtplib.SMTP(local_hostname=hello, timeout=seconds)
        # The name a certificate is checked for; smtplib sets it only when it connects in its constructor, where no
        # watch could be kept on it.
        client._host = self.server.host  # type: ignore[attr-defined]
        return client

    def _connect(self, smtp: smtplib.SMTP) -> None:
        greeting = self._step("连接", Unreachable, lambda: smtp.connect(self.server.host, self.server.port))
        self._expect("连接", greeting, 220)
        self._hello(smtp)

    def _hello(self, smtp: smtplib.SMTP) -> None:
        answer = self._step("EHLO", Unreachable, smtp.ehlo)
        if answer[0] // 100 == 5 and self.server.security == "none" and not self.server.login:
            answer = self._step("HELO", Unreachable, smtp.helo)
        self._expect("EHLO", answer, 250)

    def _encrypt(self, smtp: smtplib.SMTP) -> None:
        if self.server.security != "starttls":
            return
        if not smtp.has_extn("starttls"):
            raise Unreachable("服务器未提供 STARTTLS，不以明文代替")
        context = self._context
        self._step("STARTTLS", Unreachable, lambda: smtp.starttls(context=context))
        if not isinstance(smtp.sock, ssl.SSLSocket):
            raise Unreachable("STARTTLS 未成")
        self._hello(smtp)

    def _log_in(self, smtp: smtplib.SMTP) -> None:
        """Log in with the one mechanism that fits best: a wrong password counts as one attempt."""
        if not self.server.login:
            return
        offered = smtp.esmtp_features.get("auth", "").upper().split()
        objects: dict[str, Any] = {"PLAIN": smtp.auth_plain, "LOGIN": smtp.auth_login, "CRAM-MD5": smtp.auth_cram_md5}
        order = ("PLAIN", "LOGIN", "CRAM-MD5") if self.server.security != "none" else ("CRAM-MD5", "PLAIN", "LOGIN")
        mechanism = next((name for name in order if name in offered), None)
        if mechanism is None:
            raise Unreachable("服务器未提供可用的登录方式")
        smtp.user, smtp.password = self.server.login, self.server.password
        self._step("登录", Unreachable, lambda: smtp.auth(mechanism, objects[mechanism]))

    def _envelope(self, smtp: smtplib.SMTP, recipient: str, content: bytes) -> None:
        if smtplib.quoteaddr(recipient) != f"<{recipient}>":
            raise Refused("收件邮箱写法不对")
        options = [f"SIZE={len(content)}"] if smtp.has_extn("size") else []
        if not content.isascii() and smtp.has_extn("8bitmime"):
            options.append("BODY=8BITMIME")
        if not (self.sender + recipient).isascii():
            if not smtp.has_extn("smtputf8"):
                raise Refused("收件邮箱含中文等字符，服务器不支持（SMTPUTF8）")
            options.append("SMTPUTF8")
        self._expect("MAIL", self._step("MAIL", Deferred, lambda: smtp.mail(self.sender, options)), 250)
        self._expect("RCPT", self._step("RCPT", Deferred, lambda: smtp.rcpt(recipient)), 250, 251, 252)
        self._expect("DATA", self._step("DATA", Deferred, lambda: smtp.docmd("DATA")), 354)

    def _write(self, smtp: smtplib.SMTP, content: bytes) -> None:
        """The body without its end; by pieces, since a time-out holds for one call."""
        for start in range(0, len(content), _CHUNK):
            piece = content[start : start + _CHUNK]
            self._step("正文", Deferred, lambda piece=piece: smtp.send(piece))  # type: ignore[misc]

    def _finish(self, smtp: smtplib.SMTP) -> str:
        self._step("正文结束", Deferred, lambda: smtp.send(b".\r\n"))
        code, reply = self._step("结果", Unknown, smtp.getreply)
        words = self._words(code, reply)
        if code // 100 == 2:
            return words
        if code // 100 == 4:
            raise Deferred(f"正文结束后被暂拒：{words}")
        if code // 100 == 5:
            raise Refused(f"正文结束后被拒：{words}")
        raise Unknown(f"正文已交出，回答看不懂，请人工核对：{words}")

    def _step(self, stage: str, fate: type[Fate], call: Callable[[], T]) -> T:
        """One step of the conversation; trouble on the line becomes the fate given."""
        try:
            return call()
        except (smtplib.SMTPException, OSError, ValueError) as error:
            trouble = self._trouble(error)
        if fate is Unknown:
            raise Unknown(f"正文已交出，未等到结果（{trouble}），请人工核对")
        raise fate(f"{stage}未成：{trouble}")

    def _expect(self, stage: str, answer: Reply, *codes: int) -> None:
        """Go on only on one of these answers.

        Raises:
            Fate: the one the answer stands for.
        """
        code, reply = answer
        if code in codes:
            return
        words = self._words(code, reply)
        if stage in ("连接", "EHLO") or code in _NOT_LOGGED_IN:
            raise Unreachable(f"{stage} 被拒：{words}")
        if code // 100 == 5:
            raise Refused(f"{stage} 被拒：{words}")
        raise Deferred(f"{stage} 被暂拒：{words}" if code // 100 == 4 else f"{stage} 的回答看不懂：{words}")

    def _trouble(self, error: Exception) -> str:
        """What went wrong, in a few words without secrets."""
        if isinstance(error, smtplib.SMTPResponseException):
            return self._words(error.smtp_code, error.smtp_error)
        cause = error.__context__ if isinstance(error, smtplib.SMTPServerDisconnected) else error
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"证书校验未通过（{cause.verify_message}）"
        if isinstance(cause, TimeoutError):
            return "超时"
        if isinstance(cause, ssl.SSLError):
            return "加密连接失败"
        if isinstance(cause, socket.gaierror):
            return "找不到主机"
        if isinstance(cause, ConnectionRefusedError):
            return "连接被拒绝"
        if isinstance(error, smtplib.SMTPServerDisconnected):
            return "连接中断"
        return type(error).__name__

    def _words(self, code: int, reply: bytes | str) -> str:
        text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else str(reply)
        return one_line(self.server.without_secrets(f"{code} {text}"), 300)


def on_the_wire(body: bytes) -> bytes:
    r"""A mail as it goes over the line, without the final dot: CRLF everywhere, leading dots doubled.

    A lone CR or LF never goes out, so no server can read an end of mail into it.

    >>> on_the_wire(b".a\n..\nb\rc")
    b'..a\r\n...\r\nb\r\nc\r\n'
    """
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", body)
    if not lines.endswith(b"\r\n"):
        lines += b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", lines)


@contextmanager
def _within(smtp: smtplib.SMTP, seconds: float) -> Iterator[None]:
    """Cut the line after so many seconds, however busy the server looks."""

    def cut() -> None:
        if smtp.sock:
            with suppress(OSError):
                socket.socket.shutdown(smtp.sock, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
