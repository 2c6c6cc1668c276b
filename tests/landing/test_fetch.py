"""Fetching by SFTP: only from the server that is meant, whole files only, each once, under names that do no harm."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import asyncssh
import pytest

from qxmonitor import pipeline
from qxmonitor.errors import QxError
from qxmonitor.landing import fetch as fetching
from qxmonitor.landing.fetch import fetch, probe
from qxmonitor.landing.sftp_server import SftpServer
from qxmonitor.warehouse import Warehouse, landed
from qxmonitor.watch import _not_fetched
from tests.landing.conftest import QUIET, largest_file
from tests.landing.sftp import PASSWORD, USER, Server, serving
from tests.pipeline.conftest import environment, qxmonitor

pytestmark = [
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]  # asyncssh's own, at close


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Server]:
    root = tmp_path / "far"
    root.mkdir()
    with serving(root) as server:
        yield server


@pytest.fixture
def server(far: Server) -> SftpServer:
    return SftpServer("127.0.0.1", USER, far.port, "/", PASSWORD, host_key=far.key.get_fingerprint(), timeout=10)


def put(far: Server, name: str, content: bytes = b"1,2\n") -> Path:
    path = far.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def lying(wh: Warehouse) -> dict[str, bytes]:
    """Visible files of the landing folder."""
    root = wh.settings.landing_dir
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".incoming" not in path.parts
    }


# -- the ordinary way ----------------------------------------------------------------------------------------------


def test_files_are_brought_once_under_the_day_the_office_received_them(
    wh: Warehouse, far: Server, server: SftpServer
) -> None:
    put(far, "月报.csv", b"a\n")
    put(far, "海关/2026-11-14/进出口.csv", b"b\n")
    put(far, "2099-01-01/c.csv", b"c\n")  # not yet: a folder of the future gives no day
    rows = fetch(wh, server)
    assert {row["state"] for row in rows} == {"fetched"}
    assert lying(wh) == {
        "2026-11-18/SFTP/月报.csv": b"a\n",
        "2026-11-14/SFTP/海关_进出口.csv": b"b\n",
        "2026-11-18/SFTP/2099-01-01_c.csv": b"c\n",
    }
    assert fetch(wh, server) == []
    assert far.writes == 0
    assert sorted(path.name for path in far.root.rglob("*.csv")) == ["c.csv", "月报.csv", "进出口.csv"]
    pipeline.land(wh)
    known = wh.frame("select path, known_at from landed").set_index("path")["known_at"]
    assert {Path(path).name: f"{at.tz_convert('Asia/Shanghai'):%Y-%m-%d}" for path, at in known.items()} == {
        "月报.csv": "2026-11-18", "海关_进出口.csv": "2026-11-14", "2099-01-01_c.csv": "2026-11-18",
    }  # fmt: skip


def test_a_file_replaced_on_the_server_is_another_file_here(wh: Warehouse, far: Server, server: SftpServer) -> None:
    target = put(far, "a.csv", b"one\n")
    fetch(wh, server)
    target.write_bytes(b"three\n")
    fetch(wh, server)
    assert sorted(lying(wh).values()) == [b"one\n", b"three\n"]
    target.write_bytes(b"one\n")  # as before, at another time: known content under its name
    os.utime(target, (1, 1))
    assert [row["state"] for row in fetch(wh, server)] == ["fetched"]
    assert sorted(lying(wh).values()) == [b"one\n", b"three\n"]


def test_a_large_file_comes_whole(wh: Warehouse, far: Server, server: SftpServer) -> None:
    content = os.urandom(3_000_001)
    put(far, "a.bin", content)
    fetch(wh, server)
    assert list(lying(wh).values()) == [content]


def test_the_command_says_what_became_of_each_file(wh: Warehouse, far: Server, tmp_path: Path) -> None:
    put(far, "a.csv")
    hosts = far.known_hosts(tmp_path / "known_hosts")
    url = f"sftp://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{far.port}/?known_hosts={hosts}"
    done = subprocess.run(
        [sys.executable, "-m", "qxmonitor", "fetch", "--json"], capture_output=True, text=True, check=False,
        env={**environment(wh.settings), "QXMONITOR_SFTP_URL": url},
    )  # fmt: skip
    assert (done.returncode, '"state": "fetched"' in done.stdout) == (0, True), done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    told = qxmonitor(wh.settings, "fetch")
    assert (told.code, "QXMONITOR_SFTP_URL" in told.err) == (1, True)


# -- whom to trust -------------------------------------------------------------------------------------------------


def refused(server: SftpServer) -> str:
    with pytest.raises(QxError) as error:
        probe(server)
    assert "\n" not in str(error.value)
    assert PASSWORD not in str(error.value)
    return str(error.value)


def test_only_the_server_that_is_meant(far: Server, tmp_path: Path) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519")
    empty = tmp_path / "empty"
    empty.write_text("", encoding="utf-8")
    for pinned in (
        {"host_key": other.get_fingerprint()},
        {"known_hosts": far.known_hosts(tmp_path / "wrong", other)},
        {"known_hosts": empty},
    ):
        assert "主机密钥" in refused(SftpServer("127.0.0.1", USER, far.port, "/", PASSWORD, **pinned))  # type: ignore[arg-type]
    assert "读不了主机密钥文件" in refused(
        SftpServer("127.0.0.1", USER, far.port, "/", PASSWORD, known_hosts=tmp_path / "nowhere")
    )
    assert far.calls == []
    assert (
        probe(SftpServer("127.0.0.1", USER, far.port, "/", PASSWORD, known_hosts=far.known_hosts(tmp_path / "k"))) >= 0
    )


def test_a_key_or_a_password_file_opens_as_well(far: Server, tmp_path: Path) -> None:
    pin = far.key.get_fingerprint()
    secret, key = tmp_path / "secret", tmp_path / "key"
    secret.write_text(f"{PASSWORD}\nnot this\n", encoding="utf-8")
    far.client_key.write_private_key(str(key))
    assert probe(SftpServer("127.0.0.1", USER, far.port, "/", password_file=secret, host_key=pin)) >= 0
    assert probe(SftpServer("127.0.0.1", USER, far.port, "/", key=key, host_key=pin)) >= 0
    far.client_key.write_private_key(str(key), "pkcs8-pem", passphrase="x")
    assert "无口令" in refused(SftpServer("127.0.0.1", USER, far.port, "/", key=key, host_key=pin))
    assert "读不了私钥" in refused(SftpServer("127.0.0.1", USER, far.port, "/", key=tmp_path / "no", host_key=pin))


def test_what_goes_wrong_is_one_line(far: Server, server: SftpServer) -> None:
    pin = far.key.get_fingerprint()
    assert "不接受登录" in refused(SftpServer("127.0.0.1", USER, far.port, "/", "wrong", host_key=pin))
    assert "读不了" in refused(SftpServer("127.0.0.1", USER, far.port, "/nowhere", PASSWORD, host_key=pin))
    assert "连接不上" in refused(SftpServer("127.0.0.1", USER, 1, "/", PASSWORD, host_key=pin))


# -- unfinished, killed --------------------------------------------------------------------------------------------


def test_a_file_that_grows_is_left_until_it_is_still(wh: Warehouse, far: Server, server: SftpServer) -> None:
    target = put(far, "a.csv", b"one\n")
    put(far, "b.csv.part")
    put(far, "~$c.xlsx")

    def grow(number: int) -> None:
        if number == 2:
            with target.open("ab") as stream:
                stream.write(b"two\n")

    far.listed = grow  # type: ignore[method-assign]
    assert [row["state"] for row in fetch(wh, server)] == ["waiting"]
    assert lying(wh) == {}
    assert [row["state"] for row in fetch(wh, server)] == ["fetched"]
    assert list(lying(wh).values()) == [b"one\ntwo\n"]


@pytest.mark.parametrize("change", [b"grown" * 100_000, b"cut"])
def test_a_file_that_changes_while_it_is_read_is_left(
    wh: Warehouse, far: Server, server: SftpServer, change: bytes
) -> None:
    target = put(far, "a.csv", b"x" * 400_000)
    far.reading = lambda offset: target.write_bytes(change) and None  # type: ignore[method-assign]
    assert [row["state"] for row in fetch(wh, server)] == ["waiting"]
    assert lying(wh) == {}
    far.reading = lambda offset: None  # type: ignore[method-assign]
    fetch(wh, server)
    assert list(lying(wh).values()) == [change]


def test_killed_while_fetching_the_next_goes_on(wh: Warehouse, far: Server, server: SftpServer, tmp_path: Path) -> None:
    files = {f"{number}.csv": b"%d\n" % number * 50_000 for number in range(40)}
    for name, content in files.items():
        put(far, name, content)
    hosts = far.known_hosts(tmp_path / "known_hosts")
    url = f"sftp://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{far.port}/?known_hosts={hosts}"
    far.reading = lambda offset: time.sleep(0.01)  # type: ignore[method-assign]
    kills = 0
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-m", "qxmonitor", "fetch"], stdout=subprocess.DEVNULL,
            env={**environment(wh.settings), "QXMONITOR_SFTP_URL": url},
        )  # fmt: skip
        opened = sum(call.startswith("open") for call in far.calls)
        while process.poll() is None and sum(call.startswith("open") for call in far.calls) < opened + 6:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
        assert all(content in files.values() for content in lying(wh).values())
    assert kills == 3
    far.reading = lambda offset: None  # type: ignore[method-assign]
    fetch(wh, server)
    assert sorted(lying(wh).values()) == sorted(files.values())
    assert fetch(wh, server) == []


def test_a_line_that_breaks_costs_the_rest_of_the_call_only(wh: Warehouse, far: Server, server: SftpServer) -> None:
    put(far, "a.csv", b"a\n")
    put(far, "b.csv", b"b\n")

    def silent(offset: int) -> None:
        if any("b.csv" in call for call in far.calls if call.startswith("open")):
            time.sleep(2.5)

    far.reading = silent  # type: ignore[method-assign]
    hasty = SftpServer("127.0.0.1", USER, far.port, "/", PASSWORD, host_key=server.host_key, timeout=1)
    with pytest.raises(QxError, match=r"没有及时应答|中断"):
        fetch(wh, hasty)
    assert list(lying(wh).values()) == [b"a\n"]
    [state] = landed.fetch_states(wh)
    assert state.failing_since is not None
    far.reading = lambda offset: None  # type: ignore[method-assign]
    time.sleep(2.6)
    assert [row["remote"] for row in fetch(wh, server)] == ["b.csv"]
    [state] = landed.fetch_states(wh)
    assert state.failing_since is None


# -- hostile -------------------------------------------------------------------------------------------------------


def entry(name: bytes, mode: int = 0o100644, size: int | None = 4, mtime: int = 1_700_000_000) -> asyncssh.SFTPName:
    return asyncssh.SFTPName(name, attrs=asyncssh.SFTPAttrs(permissions=mode, size=size, mtime=mtime))


def test_names_of_the_server_do_no_harm_here(wh: Warehouse, far: Server, server: SftpServer) -> None:
    for number, name in enumerate(
        (b"a\r\nb.csv", b"\xba\xa3\xb9\xd8.csv", b"A.csv", b"a.csv", b"x" * 250 + b".csv", b"\xff\xfe")
    ):
        Path(os.fsdecode(os.fsencode(far.root) + b"/" + name)).write_bytes(b"%d\n" % number)
    (far.root / "passwd.csv").symlink_to("/etc/passwd")
    (far.root / "loop").symlink_to(far.root)
    (far.root / ".hidden").write_bytes(b"h")
    outside = wh.settings.landing_dir.parent
    far.extra[b"/"] = [
        entry(b"../../../evil.csv"), entry(b"/etc/evil.csv"), entry(b"a/b.csv"), entry(b""), entry(b".."),
        entry(b"n\0ul"),
        entry(b"..", 0o040755), entry(b"nosize.csv", size=None), entry(b"link.csv", 0o120777),
        entry(b"huge.csv", size=1 << 63), entry(b"gone.csv"), entry(b"fifo.csv", 0o010644),
        entry(b"future.csv", mtime=(1 << 32) - 1),
    ]  # fmt: skip
    before = {path for path in outside.rglob("*") if wh.settings.landing_dir not in path.parents}
    rows = fetch(wh, server)
    assert {path for path in outside.rglob("*") if wh.settings.landing_dir not in path.parents} - before == set()
    assert sorted(lying(wh).values()) == [b"%d\n" % number for number in range(6)]
    assert {Path(name).parent.as_posix() for name in lying(wh)} == {"2026-11-18/SFTP"}
    assert "2026-11-18/SFTP/海关.csv" in lying(wh)
    assert {row["remote"]: row["state"] for row in rows if row["state"] != "fetched"} == {
        "huge.csv": "failed", "gone.csv": "waiting", "future.csv": "waiting"
    }  # fmt: skip
    assert all("\n" not in row["remote"] for row in rows)


def test_a_server_without_end_is_left(
    wh: Warehouse, far: Server, server: SftpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "_MOST", 50)
    far.extra[b"/"] = [entry(b"%d.csv" % number) for number in range(60)]
    with pytest.raises(QxError, match="超过 50 个"):
        fetch(wh, server)
    far.extra[b"/"] = []
    deep = far.root
    for _ in range(20):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (deep / "a.csv").write_bytes(b"deep")
    assert fetch(wh, server) == []


def test_a_file_larger_than_allowed_is_not_brought(
    wh: Warehouse, far: Server, server: SftpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wh, "settings", replace(wh.settings, largest=10))
    put(far, "a.csv", b"x" * 11)
    put(far, "b.csv", b"x" * 10)
    assert {row["remote"]: row["state"] for row in fetch(wh, server)} == {"a.csv": "failed", "b.csv": "fetched"}


def test_a_full_disk_here_is_said_as_such(
    wh: Warehouse, far: Server, server: SftpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(far, "a.csv")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(QxError, match="收件目录写不了"):
            fetch(wh, server)
    assert list((wh.settings.landing_dir / ".incoming").iterdir()) == []
    assert [row["state"] for row in fetch(wh, server)] == ["fetched"]


def test_a_file_size_limit_is_said_as_such_and_leaves_nothing(wh: Warehouse, far: Server, server: SftpServer) -> None:
    put(far, "a.csv", b"a\n")
    put(far, "b.csv", b"x" * 400_001)
    with largest_file(400_000), pytest.raises(QxError, match="收件目录写不了：File too large"):
        fetch(wh, server)
    assert list(lying(wh).values()) == [b"a\n"]
    assert list((wh.settings.landing_dir / ".incoming").iterdir()) == []
    assert [row["remote"] for row in fetch(wh, server)] == ["b.csv"]


def test_two_who_fetch_at_once_bring_each_file_once(wh: Warehouse, far: Server, tmp_path: Path) -> None:
    for number in range(20):
        put(far, f"{number}.csv", b"%d\n" % number)
    hosts = far.known_hosts(tmp_path / "known_hosts")
    url = f"sftp://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{far.port}/?known_hosts={hosts}"
    command = [sys.executable, "-m", "qxmonitor", "fetch"]
    surroundings = {**environment(wh.settings), "QXMONITOR_SFTP_URL": url}
    both = [subprocess.Popen(command, env=surroundings, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert len(lying(wh)) == 20
    assert sum(call.startswith("open") for call in far.calls) == 20


def test_the_watch_tells_of_a_server_that_fails_for_long(wh: Warehouse) -> None:
    landed.note_tried(wh, "office@far:22", "SFTP far:22：连接不上")
    assert list(_not_fetched(wh)) == []
    with wh.engine.begin() as connection:
        connection.exec_driver_sql("update fetch_state set failing_since = now() - interval '3 hours'")
    landed.note_tried(wh, "office@far:22", "SFTP far:22：没有及时应答")
    [finding] = _not_fetched(wh)
    assert "没有及时应答" in finding.words
    assert datetime.now(UTC) - finding.since > timedelta(hours=2)
    landed.note_tried(wh, "office@far:22", "")
    assert list(_not_fetched(wh)) == []
    assert QUIET > 0
