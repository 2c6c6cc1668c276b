"""Fetching from OpenSSH's own server: the one that is meant, whole files, each once, killed and called again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from qxmonitor import pipeline
from qxmonitor.errors import QxError
from qxmonitor.landing.fetch import fetch, probe
from qxmonitor.settings import Settings
from qxmonitor.warehouse import Warehouse, store
from tests.landing.conftest import NOW, QUIET, lines, writer
from tests.pipeline.conftest import environment
from tests.system import sshd

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(sshd.SSHD is None, reason="no sshd here: run scripts/system-deps"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # asyncssh's own, at close
]

TODAY = f"{NOW:%Y-%m-%d}/SFTP"


@pytest.fixture
def wh(new_database: Callable[[], Settings]) -> Iterator[Warehouse]:
    with Warehouse(replace(new_database(), fixed_now=NOW, quiet=QUIET)) as opened:
        yield opened


@pytest.fixture
def server(tmp_path: Path) -> sshd.Sshd:
    return sshd.new(tmp_path / "sshd")


def lying(wh: Warehouse) -> dict[str, bytes]:
    """Every file of the landing folder, hidden ones as well."""
    root = wh.settings.landing_dir
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_files_come_once_and_the_same_bytes_twice_are_one_file(wh: Warehouse, server: sshd.Sshd) -> None:
    (server.far / "海关" / "2026-11-14").mkdir(parents=True)
    (server.far / "月报.csv").write_bytes(b"1,2\n")
    (server.far / "海关" / "2026-11-14" / "再报.csv").write_bytes(b"1,2\n")
    (server.far / "b.csv.filepart").write_bytes(b"half")
    (server.far / "link.csv").symlink_to("/etc/passwd")
    os.mkfifo(server.far / "pipe.csv")
    before = sorted((path, path.lstat().st_mtime_ns) for path in server.far.rglob("*"))
    with server.running():
        assert probe(server.client()) >= 5
        assert {row["state"] for row in fetch(wh, server.client())} == {"fetched"}
        assert fetch(wh, server.client()) == []
    assert set(lying(wh)) == {f"{TODAY}/月报.csv", "2026-11-14/SFTP/海关_再报.csv"}
    assert sorted((path, path.lstat().st_mtime_ns) for path in server.far.rglob("*")) == before
    pipeline.land(wh)
    assert [path.read_bytes() for path in wh.settings.originals_dir.glob("*/*")] == [b"1,2\n"]
    assert len(set(store.read_receipts(wh)["sha256"])) == 1


def test_only_the_server_whose_key_is_known(wh: Warehouse, server: sshd.Sshd) -> None:
    (server.far / "a.csv").write_bytes(b"1,2\n")
    server.base.joinpath("known_hosts").write_text("", encoding="utf-8")
    with server.running():
        with pytest.raises(QxError, match="主机密钥未登记或与登记的不符"):
            fetch(wh, server.client())
        server.know()
        assert [row["state"] for row in fetch(wh, server.client())] == ["fetched"]
    (server.far / "b.csv").write_bytes(b"3\n")
    server.key("host")  # another machine in its place
    with server.running():
        with pytest.raises(QxError, match="主机密钥未登记或与登记的不符") as refused:
            fetch(wh, server.client())
        assert "\n" not in str(refused.value)
        assert list(lying(wh)) == [f"{TODAY}/a.csv"]
        server.know()
        assert [row["state"] for row in fetch(wh, server.client())] == ["fetched"]
        server.key("client")
        server.base.joinpath("client.pub").write_text("", encoding="utf-8")  # no key opens any more
        with pytest.raises(QxError, match="不接受登录"):
            probe(server.client())


def test_a_file_being_written_waits_and_comes_whole_when_its_writer_went_on(wh: Warehouse, server: sshd.Sshd) -> None:
    target = server.far / "a.csv"
    with server.running():
        process = writer(target, end=400)
        assert [row["state"] for row in fetch(wh, server.client())] == ["waiting"]
        assert process.poll() is None, "the writer was to be at work still"
        process.send_signal(signal.SIGKILL)
        process.wait()
        target.write_bytes(lines(target.stat().st_size // 9))
        process = writer(target, begin=target.stat().st_size // 9, end=target.stat().st_size // 9 + 100)
        assert [row["state"] for row in fetch(wh, server.client())] == ["waiting"]
        assert lying(wh) == {}
        process.wait()
        assert [row["state"] for row in fetch(wh, server.client())] == ["fetched"]
    whole = target.read_bytes()
    assert lying(wh) == {f"{TODAY}/a.csv": whole}
    assert whole == lines(len(whole) // 9)


def test_a_fetch_that_is_killed_goes_on_the_next_time(wh: Warehouse, server: sshd.Sshd) -> None:
    files = {f"{number:02}.csv": b"%08d\n" % number * 300_000 for number in range(25)}
    for name, content in files.items():
        (server.far / name).write_bytes(content)
    surroundings = {**environment(wh.settings), "QXMONITOR_SFTP_URL": server.url}
    command = [sys.executable, "-m", "qxmonitor", "fetch", "--json"]
    named = wh.settings.landing_dir / TODAY
    with server.running():
        for enough in (3, 9):
            process = subprocess.Popen(command, env=surroundings, stdout=subprocess.DEVNULL)
            while process.poll() is None and len(list(named.glob("*"))) < enough:
                time.sleep(0.005)
            process.kill()
            assert process.wait() == -signal.SIGKILL
            assert all(files[path.name] == path.read_bytes() for path in named.iterdir())
        done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=True)
        assert {row["state"] for row in json.loads(done.stdout)} == {"fetched"}
        assert fetch(wh, server.client()) == []
    assert {path.name: path.read_bytes() for path in named.iterdir()} == files


def test_a_server_that_goes_away_is_one_line(wh: Warehouse, server: sshd.Sshd) -> None:
    (server.far / "a.csv").write_bytes(b"1,2\n")
    hasty = replace(server.client(), timeout=1.0)
    with pytest.raises(QxError, match="连接不上"):
        fetch(wh, hasty)
    with server.running() as process:
        process.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(QxError, match=r"没有及时应答|连接不上或中断"):
                fetch(wh, hasty)
        finally:
            process.send_signal(signal.SIGCONT)
        assert [row["state"] for row in fetch(wh, server.client())] == ["fetched"]
