"""A mail server on loopback that misbehaves as told, and records every mail it took.

A stage is ``greeting``, ``ehlo``, ``starttls``, ``auth``, ``mail``, ``rcpt``, ``data`` (the command), ``body`` (of
which a few bytes were read) or ``dot`` (all read, the answer due). What to do there: a reply such as ``451 later``,
``DROP`` (reset the line), ``SILENT`` (neither read nor answer), ``GARBAGE``, ``DRIP`` (an answer without an end, a byte
at a time), or a function of the session. Without anything to do there the server is a good one.
"""

from __future__ import annotations

import base64
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

DROP, SILENT, GARBAGE, DRIP = "<drop>", "<silent>", "<garbage>", "<drip>"
Deed = str | Callable[["Session"], str | None]
_STOP = object()


@dataclass
class Taken:
    """A mail the server took: it answered 2xx, or meant to."""

    sender: str
    recipients: list[str]
    body: bytes
    options: str = ""

    @property
    def message_id(self) -> str:
        found = re.search(rb"^Message-ID: (<[^>]+>)", self.body, re.MULTILINE)
        return found[1].decode() if found else ""


@dataclass
class Server:
    """The server; a context manager that listens while it is open.

    Attributes:
        deeds: stage → what to do there; may be changed at any time.
        only: the number of the one connection they are for; 0 is all.
        extensions: what EHLO offers.
        tls: for STARTTLS, or with ``implicit`` for the whole line.
        login: user and password that are right.
        taken: mails it took.
        commands: everything clients said, bodies left out.
        connections: how many there were.
    """

    deeds: dict[str, Deed] = field(default_factory=dict)
    extensions: list[str] = field(default_factory=lambda: ["SIZE 10000000", "8BITMIME"])
    only: int = 0
    tls: ssl.SSLContext | None = None
    implicit: bool = False
    login: tuple[str, str] | None = None
    taken: list[Taken] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    connections: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._open = True
        self._lines: list[socket.socket] = []
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open = False
        self.over.set()
        for line in (self._socket, *self._lines):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()

    @property
    def url(self) -> str:
        scheme = "smtps" if self.implicit else "smtp+starttls" if self.tls else "smtp"
        return f"{scheme}://127.0.0.1:{self.port}"

    def _listen(self) -> None:
        while self._open:
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._lines.append(line)
            threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        session = Session(self, line)
        with suppress(OSError, ValueError, EOFError):
            session.run()
        session.close()


class Session:
    """One connection."""

    def __init__(self, server: Server, line: socket.socket) -> None:
        self.server, self.line, self.index = server, line, server.connections
        self.secure = self.known = False
        self.mail: Taken | None = None
        self.answer = ""

    def run(self) -> None:
        if self.server.implicit and self.server.tls:
            self._encrypt()
        self.file = self.line.makefile("rb")
        if not self._act("greeting", "220 test.invalid ESMTP"):
            return
        while command := self.file.readline():
            words = command.decode("utf-8", "replace").rstrip("\r\n")
            self.server.commands.append(words)
            verb = words.split(" ")[0].lower()
            handler = getattr(self, f"on_{verb}", None)
            if handler is None:
                self.say("502 5.5.2 what?")
            elif handler(words) is _STOP:
                return

    def on_ehlo(self, _: str) -> Any:
        offered = list(self.server.extensions)
        if self.server.tls and not self.secure and "-STARTTLS" not in offered:
            offered.append("STARTTLS")
        if self.server.login and (self.secure or not self.server.tls):
            offered.append("AUTH LOGIN PLAIN CRAM-MD5")
        lines = ["test.invalid", *(word for word in offered if not word.startswith("-"))]
        good = "\r\n".join(f"250{'-' if n < len(lines) else ' '}{word}" for n, word in enumerate(lines, start=1))
        return self._go("ehlo", good)

    def on_helo(self, _: str) -> Any:
        return self._go("helo", "250 test.invalid")

    def on_starttls(self, _: str) -> Any:
        going = self._act("starttls", "220 2.0.0 go")
        if going and self._deed("starttls") is None:
            self._encrypt()
            self.file = self.line.makefile("rb")
        return None if going else _STOP

    def on_auth(self, words: str) -> Any:
        user, password = self.server.login or ("", "")
        right = words == "AUTH PLAIN " + base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        self.known = right
        return self._go("auth", "235 2.7.0 welcome" if right else "535 5.7.8 wrong")

    def on_mail(self, words: str) -> Any:
        found = re.fullmatch(r"MAIL FROM:<(.*?)>(.*)", words, re.IGNORECASE)
        if self.server.login and not self.known:
            self.say("530 5.7.0 who are you")
            return None
        self.mail = Taken(found[1], [], b"", found[2].strip()) if found else None
        return self._go("mail", "250 2.1.0 ok")

    def on_rcpt(self, words: str) -> Any:
        found = re.fullmatch(r"RCPT TO:<(.*?)>", words, re.IGNORECASE)
        assert self.mail is not None and found is not None
        self.mail.recipients.append(found[1])
        return self._go("rcpt", "250 2.1.5 ok")

    def on_data(self, _: str) -> Any:
        if not self._act("data", "354 go on"):
            return _STOP
        if not self.answer.startswith("354"):
            return None
        assert self.mail is not None
        if self._deed("body") is not None:
            self.file.read(10)
            return self._go("body", None)
        lines = []
        while (text := self.file.readline()) != b".\r\n":
            if not text.endswith(b"\n"):
                raise EOFError  # the client went before the end: nothing is taken
            lines.append(text[1:] if text.startswith(b".") else text)
        self.mail.body = b"".join(lines)
        self.server.commands.append("<body>")
        deed = self._deed("dot")
        if deed is None or callable(deed) or not deed.startswith(("4", "5")):
            self.server.taken.append(self.mail)
        return self._go("dot", "250 2.0.0 taken")

    def on_quit(self, _: str) -> Any:
        self.say("221 2.0.0 bye")
        return _STOP

    def _deed(self, stage: str) -> Deed | None:
        return self.server.deeds.get(stage) if self.server.only in (0, self.index) else None

    def _go(self, stage: str, good: str | None) -> Any:
        return None if self._act(stage, good) else _STOP

    def _act(self, stage: str, good: str | None) -> bool:
        """Answer, or do what was told; false when the line is over."""
        deed: str | Deed | None = self._deed(stage)
        if callable(deed):
            deed = deed(self)
        if deed == DROP:
            self.reset()
            return False
        if deed == SILENT:
            self.server.over.wait(60)
            return False
        if deed == DRIP:
            with suppress(OSError):
                self.line.sendall(b"250-")
                while not self.server.over.wait(0.02):
                    self.line.sendall(b"x")
            return False
        if deed == GARBAGE:
            self.answer = GARBAGE
            self.line.sendall(b"\xff\xfe\x00 HTTP/1.1 200 OK\r\n")
            return True
        answer = deed if deed is not None else good
        self.answer = answer or ""
        if answer is not None:
            self.say(answer)
        return answer is None or not answer.startswith(("221", "421", "554"))

    def say(self, text: str) -> None:
        self.line.sendall(text.encode() + b"\r\n")

    def reset(self) -> None:
        """End the line without the courtesies."""
        self.line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        with suppress(OSError, AttributeError):
            self.file.close()
        with suppress(OSError):
            self.line.close()

    def _encrypt(self) -> None:
        assert self.server.tls is not None
        self.line = self.server.tls.wrap_socket(self.line, server_side=True)
        self.secure = True
