"""A mail server on loopback that takes everything and remembers the Message-IDs it took: for rehearsals."""

from __future__ import annotations

import socketserver
import threading
from email import message_from_bytes
from typing import Self


class _Conversation(socketserver.StreamRequestHandler):
    """One SMTP session, as little as a sender needs."""

    server: _Server
    timeout = 60

    def handle(self) -> None:
        try:
            self._talk()
        except OSError:  # the sender was killed
            return

    def _talk(self) -> None:
        self._say("220 sink")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                self._say("354 go on")
                self._take()
            elif verb == b"QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _take(self) -> None:
        head, reading = b"", True
        while line := self.rfile.readline():
            if line == b".\r\n":
                with self.server.lock:  # taken from here on, whether or not the sender lives to hear it
                    self.server.taken.append(str(message_from_bytes(head)["Message-ID"]).strip())
                self._say("250 taken")
                return
            reading = reading and line != b"\r\n"
            head += line if reading else b""

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode("ascii"))


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.taken: list[str] = []
        self.lock = threading.Lock()


class Sink:
    """The server while it runs; a context manager."""

    def __init__(self) -> None:
        self._server = _Server()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def taken(self) -> list[str]:
        """The Message-IDs of the mails taken so far."""
        with self._server.lock:
            return list(self._server.taken)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
