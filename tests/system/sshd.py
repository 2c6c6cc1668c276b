"""A private OpenSSH server: its own host key, configuration and port on loopback, run by whoever runs the tests."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from qxmonitor.landing.sftp_server import SftpServer
from qxmonitor.operate.up import free_port

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")

CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {base}/host
PidFile {base}/pid
AuthorizedKeysFile {base}/client.pub
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
AllowTcpForwarding no
Subsystem sftp internal-sftp
ForceCommand internal-sftp
LogLevel VERBOSE
"""


@dataclass
class Sshd:
    """The server.

    Attributes:
        base: its keys, configuration and log.
        far: the folder that is fetched from.
        port: on loopback.
    """

    base: Path
    far: Path
    port: int

    def key(self, name: str) -> Path:
        """A new key pair; the one of that name before is gone."""
        path = self.base / name
        path.unlink(missing_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
        return path

    def know(self, name: str = "host") -> Path:
        """A file of host keys that knows the server by a key."""
        path = self.base / "known_hosts"
        public = self.base.joinpath(f"{name}.pub").read_text(encoding="utf-8")
        path.write_text(f"[127.0.0.1]:{self.port} {public}", encoding="utf-8")
        return path

    def client(self) -> SftpServer:
        return SftpServer(
            "127.0.0.1", getpass.getuser(), self.port, str(self.far), key=self.base / "client",
            known_hosts=self.base / "known_hosts", timeout=10,
        )  # fmt: skip

    @property
    def url(self) -> str:
        options = f"key={self.base / 'client'}&known_hosts={self.base / 'known_hosts'}"
        return f"sftp://{getpass.getuser()}@127.0.0.1:{self.port}{self.far}?{options}"

    @property
    def log(self) -> str:
        return self.base.joinpath("log").read_text(encoding="utf-8")

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """The server while it runs."""
        assert SSHD is not None
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # as its service does
        self.base.joinpath("config").write_text(CONFIG.format(port=self.port, base=self.base), encoding="utf-8")
        process = subprocess.Popen([SSHD, "-D", "-f", self.base / "config", "-E", self.base / "log"])
        try:
            end = time.monotonic() + 20
            while True:
                try:
                    socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                    break
                except OSError:
                    assert process.poll() is None and time.monotonic() < end, self.log
                    time.sleep(0.05)
            yield process
        finally:
            process.terminate()
            process.wait(10)


def new(base: Path) -> Sshd:
    """A server that is not running yet, with a host key that is known and a key to log in."""
    far = base / "far"
    far.mkdir(parents=True)
    server = Sshd(base, far, free_port())
    server.key("host")
    server.key("client")
    server.know()
    return server
