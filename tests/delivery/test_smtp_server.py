"""The URL and the plain parts of a mail server, and that a wrong one gives nothing away."""

from __future__ import annotations

import ssl
import traceback
from pathlib import Path

import pytest

from qxmonitor.delivery.smtp_server import SmtpServer
from qxmonitor.errors import QxError

SECRET = "p4ss"


@pytest.mark.parametrize(
    ("url", "server"),
    [
        (
            "smtp+starttls://user:p4ss@mail.example.cn:2587?timeout=60&ca=/etc/ca.crt",
            SmtpServer("mail.example.cn", 2587, "user", "p4ss", "starttls", 60.0, Path("/etc/ca.crt")),
        ),
        ("smtp+starttls://mail.example.cn", SmtpServer("mail.example.cn", 587, security="starttls")),
        ("smtps://u%40x.cn:p4ss%2F%3A%40%25@mail", SmtpServer("mail", 465, "u@x.cn", "p4ss/:@%", "tls")),
        ("smtp://127.0.0.1:25", SmtpServer("127.0.0.1", 25, security="none")),
        ("smtp://u:p4ss@[::1]:2525/", SmtpServer("::1", 2525, "u", "p4ss", "none")),
        ("smtp://localhost?timeout=2.5", SmtpServer("localhost", 25, security="none", timeout=2.5)),
        ("smtp://mail:25?plain=yes", SmtpServer("mail", 25, security="none", plain=True)),
        ("smtps://mail?verify=no", SmtpServer("mail", 465, security="tls", verify=False)),
    ],
)
def test_a_url_says_it_all(url: str, server: SmtpServer) -> None:
    assert SmtpServer.from_url(url) == server
    assert SECRET not in repr(server)


@pytest.mark.parametrize(
    "url",
    [
        "", "mail", "user:p4ss@mail:25", "http://u:p4ss@mail", "smtp+ssl://u:p4ss@mail", "smtp:u:p4ss@mail",
        "smtp+starttls://", "smtp+starttls://u:p4ss@", "smtp+starttls://u:p4ss@:587", "smtps://u:p4ss@mail:port",
        "smtps://u:p4ss@mail:99999", "smtps://u:p4/ss@mail", "smtps://u:p4ss#1@mail", "smtps://u:p4ss?x@mail",
        "smtps://u:p4ss@mail/box", "smtps://u:p4ss@mail?timeout=soon", "smtps://u:p4ss@mail?timeout=0",
        "smtps://u:p4ss@mail?timeout=1&timeout=2", "smtps://u:p4ss@mail?verify=maybe", "smtps://u:p4ss@mail?colour=red",
        "smtps://u:p4ss@mail?plain", "smtps://u@mail", "smtps://:p4ss@mail", "smtps://u:p4ss%E4%B8%AD@mail",
        "smtps://u:p4ss%0D%0ARCPT@mail", "smtp://u:p4ss@mail:25", "smtp://mail", "smtp://mail?plain=no", "smtps://[mail",
        "smtp://10.0.0.1", "smtps://u:p4ss@ma il",
    ],
)  # fmt: skip
def test_a_wrong_url_is_one_line_without_the_password(url: str) -> None:
    with pytest.raises(QxError) as caught:
        SmtpServer.from_url(url)
    assert len(str(caught.value).splitlines()) == 1
    error: BaseException | None = caught.value
    while error is not None:  # neither the error nor any it came from
        assert "p4" not in str(error)
        error = error.__context__
    shown = "".join(traceback.format_exception_only(caught.value))
    assert "p4" not in shown


@pytest.mark.parametrize(
    "words",
    [
        {"host": ""}, {"host": "a b"}, {"host": "m", "port": 70000}, {"host": "m", "login": "u"},
        {"host": "m", "security": "ssl"}, {"host": "m", "timeout": -1}, {"host": "m", "security": "none"},
    ],
)  # fmt: skip
def test_wrong_parts_are_refused(words: dict[str, object]) -> None:
    with pytest.raises(QxError, match="邮件服务器设置不对"):
        SmtpServer(**words)  # type: ignore[arg-type]


def test_certificates_are_checked_unless_said_otherwise() -> None:
    checked = SmtpServer("mail").context()
    assert (checked.verify_mode, checked.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert SmtpServer("mail", verify=False).context().verify_mode == ssl.CERT_NONE
    with pytest.raises(QxError, match="读不了证书文件"):
        SmtpServer("mail", ca=Path("/nowhere.crt")).context()


def test_patience() -> None:
    assert (SmtpServer("m").step_seconds, SmtpServer("m").end_seconds) == (60.0, 600.0)
    assert (SmtpServer("m", timeout=5).step_seconds, SmtpServer("m", timeout=5).end_seconds) == (5, 5)
