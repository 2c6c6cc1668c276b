"""The settings of a server: read from a URL, wrong ones refused in one line that gives nothing away."""

from __future__ import annotations

from pathlib import Path

import pytest

from qxmonitor.errors import QxError
from qxmonitor.landing.sftp_server import SftpServer

PIN = "SHA256:" + "a+/" * 14 + "Z"


def test_a_url_with_everything() -> None:
    found = SftpServer.from_url(f"sftp://of%40fice:p%3Aw%2Bd@far.invalid:2222/data/in?host_key={PIN}&timeout=60")
    assert found == SftpServer("far.invalid", "of@fice", 2222, "/data/in", password="p:w+d", host_key=PIN, timeout=60.0)
    assert found.name == "of@fice@far.invalid:2222"
    assert "p:w+d" not in repr(found)


def test_files_and_a_relative_folder() -> None:
    found = SftpServer.from_url("sftp://office@far.invalid/~/in?key=/k&known_hosts=/h")
    assert (found.path, found.key, found.known_hosts, found.port, found.secret()) == (
        "in", Path("/k"), Path("/h"), 22, None
    )  # fmt: skip


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://u:secret@h/", "sftp://"),
        ("sftp://u:secret@h/", "主机密钥"),
        (f"sftp://u:secret@h/?known_hosts=/h&host_key={PIN}", "主机密钥"),
        ("sftp://u@h/?known_hosts=/h", "缺少密码"),
        ("sftp://h/?known_hosts=/h", "用户"),
        ("sftp://u:secret@h:99999/?known_hosts=/h", "写法不对"),
        ("sftp://u:secret@h/?known_hosts=/h&strict=no", "选项只有"),
        ("sftp://u:secret@h/?known_hosts=/h&known_hosts=/i", "选项只有"),
        ("sftp://u:secret@h/?host_key=MD5:00", "host_key"),
        ("sftp://u:secret@h/?known_hosts=/h&timeout=soon", "timeout"),
        ("sftp://u:secret@h/?known_hosts=/h&timeout=0", "timeout"),
    ],
)
def test_a_wrong_url_is_refused_without_repeating_it(url: str, words: str) -> None:
    with pytest.raises(QxError, match=words) as error:
        SftpServer.from_url(url)
    assert "secret" not in str(error.value)


def test_a_password_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(QxError, match="密码文件"):
        SftpServer("h", "u", password_file=tmp_path / "no", host_key=PIN).secret()
