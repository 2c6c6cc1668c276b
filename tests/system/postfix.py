"""A private Postfix: its own configuration, queue and port on loopback, mails into Maildirs, stopped at the end."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

DOMAIN = "example.invalid"
SIZE_LIMIT = 300_000

MAIN = """\
compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
myhostname = post.{domain}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_tls_security_level = encrypt
smtpd_tls_chain_files = {root}/conf/server.chain
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {root}/boxes
virtual_mailbox_maps = texthash:{root}/conf/boxes
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
message_size_limit = {size}
mailbox_size_limit = 0
virtual_mailbox_limit = 0
local_recipient_maps =
alias_maps =
maillog_file = {root}/log/mail.log
maillog_file_prefixes = {root}
"""

MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True)
class Postfix:
    """The running instance."""

    root: Path
    port: int
    authority: Path

    @property
    def url(self) -> str:
        return f"smtp+starttls://127.0.0.1:{self.port}?timeout=20&ca={self.authority}"

    def delivered(self, box: str) -> list[bytes]:
        """The mails in a mailbox."""
        return [path.read_bytes() for path in sorted((self.root / "boxes" / box / "new").glob("*"))]

    def settled(self, count: int, seconds: float = 30) -> list[bytes]:
        """All mails, once there are so many of them and the queue is empty."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = [path.read_bytes() for path in (self.root / "boxes").glob("*/new/*")]
            queued = [
                p
                for q in ("incoming", "active", "deferred")
                for p in (self.root / "queue" / q).rglob("*")
                if p.is_file()
            ]
            if len(found) >= count and not queued:
                return found
            time.sleep(0.1)
        raise AssertionError((self.root / "log" / "mail.log").read_text()[-2000:])


def command(root: Path, verb: str) -> None:
    done = subprocess.run(
        ["postfix", "-c", root / "conf", verb], capture_output=True, text=True, timeout=60, check=False,
        env=os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def postfix(boxes: Sequence[str]) -> Iterator[Postfix]:
    """Run an instance with these mailboxes."""
    root = Path(tempfile.mkdtemp(prefix="qxm-postfix-"))
    root.chmod(0o755)  # the server's own users must pass
    owner, nobody = pwd.getpwnam("postfix"), pwd.getpwnam("nobody")
    for name, uid in (("conf", 0), ("queue", 0), ("log", 0), ("data", owner.pw_uid), ("boxes", nobody.pw_uid)):
        (root / name).mkdir(mode=0o755)
        os.chown(root / name, uid, -1)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(root / "authority.crt"))
    chain = root / "conf" / "server.chain"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(chain))
    chain.chmod(0o600)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = {
        "root": root,
        "domain": DOMAIN,
        "uid": nobody.pw_uid,
        "gid": nobody.pw_gid,
        "size": SIZE_LIMIT,
        "port": port,
    }
    (root / "conf" / "main.cf").write_text(MAIN.format(**words))
    (root / "conf" / "master.cf").write_text(MASTER.format(**words))
    (root / "conf" / "boxes").write_text("".join(f"{box}@{DOMAIN} {box}/\n" for box in boxes))
    try:
        command(root, "start")
        yield Postfix(root, port, root / "authority.crt")
    finally:
        pid = root / "queue" / "pid" / "master.pid"
        if pid.exists():
            command(root, "stop")
            master = Path("/proc") / pid.read_text().strip() if pid.exists() else None
            until = time.monotonic() + 10
            while master and (master / "exe").exists() and time.monotonic() < until:
                time.sleep(0.05)
            assert not (master and (master / "exe").exists()), "Postfix is still running"
        shutil.rmtree(root, ignore_errors=True)
