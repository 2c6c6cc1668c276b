"""Encryption and login: nothing plain where encryption was asked for, a password tried once and told nowhere."""

from __future__ import annotations

import base64
import logging
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from qxmonitor.delivery import ledger
from qxmonitor.delivery.smtp import Smtp
from qxmonitor.delivery.smtp_server import SmtpServer
from qxmonitor.warehouse import Warehouse
from tests.delivery.post import drained, message, planned, rows, states
from tests.delivery.smtp_server import DROP, GARBAGE, Server

pytestmark = pytest.mark.slow

PASSWORD = "K7-geheim"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def trusted(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The authority's certificate as a file."""
    path = tmp_path_factory.mktemp("ca") / "authority.crt"
    authority.cert_pem.write_to_path(str(path))
    return path


Open = Callable[..., Any]


@pytest.fixture
def opened(authority: trustme.CA) -> Open:
    """Opens a server with a certificate for a name, by default the right one."""

    @contextmanager
    def server(name: str = "127.0.0.1", **words: Any) -> Iterator[Server]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
        with Server(tls=context, **words) as running:
            yield running

    return server


def smtp(server: Server, **words: Any) -> Smtp:
    security = "tls" if server.implicit else "starttls"
    return Smtp(
        SmtpServer("127.0.0.1", server.port, **{"security": security, "timeout": 20} | words), "a@example.invalid"
    )


def outcome(warehouse: Warehouse, transport: Smtp) -> tuple[str, str]:
    planned(warehouse, message(1), message(2))
    found = drained(warehouse, transport)
    return found[0]["state"], found[0]["detail"]


@pytest.mark.parametrize("implicit", [False, True])
def test_encrypted_and_logged_in(warehouse: Warehouse, opened: Open, trusted: Path, implicit: bool) -> None:
    with opened(implicit=implicit, login=("jjyx", PASSWORD)) as server:
        assert outcome(warehouse, smtp(server, ca=trusted, login="jjyx", password=PASSWORD))[0] == "accepted"
        assert states(warehouse) == ["accepted", "accepted"]
        first = server.commands.index("STARTTLS") if not implicit else -1
        assert all("AUTH" not in words and "MAIL" not in words for words in server.commands[: first + 1])


@pytest.mark.parametrize("implicit", [False, True])
def test_a_certificate_nobody_vouches_for(warehouse: Warehouse, opened: Open, implicit: bool) -> None:
    with opened(implicit=implicit, login=("jjyx", PASSWORD)) as server:
        state, detail = outcome(warehouse, smtp(server, login="jjyx", password=PASSWORD))
        assert (state, "证书校验未通过" in detail) == ("deferred", True)
        assert states(warehouse) == ["deferred", "planned"]
        assert server.taken == []
        assert not any("AUTH" in words or "MAIL" in words for words in server.commands)


@pytest.mark.parametrize("implicit", [False, True])
def test_a_certificate_of_another_host(warehouse: Warehouse, opened: Open, trusted: Path, implicit: bool) -> None:
    with opened("mail.example.invalid", implicit=implicit) as server:
        state, detail = outcome(warehouse, smtp(server, ca=trusted))
        assert (state, "证书校验未通过" in detail) == ("deferred", True)
        assert server.taken == []


def test_not_checking_has_to_be_asked_for(warehouse: Warehouse, opened: Open) -> None:
    with opened("mail.example.invalid") as server:
        assert outcome(warehouse, smtp(server, verify=False))[0] == "accepted"


@pytest.mark.parametrize(
    ("words", "detail"),
    [
        ({"extensions": ["SIZE 1000", "-STARTTLS"]}, "服务器未提供 STARTTLS，不以明文代替"),
        ({"deeds": {"starttls": "454 4.7.0 not now"}}, "STARTTLS未成：454"),
        ({"deeds": {"starttls": "502 5.5.1 what"}}, "STARTTLS未成：502"),
        ({"deeds": {"starttls": DROP}}, "STARTTLS未成"),
        ({"deeds": {"starttls": GARBAGE}}, "STARTTLS未成"),
        ({"deeds": {"starttls": "220 go, but there is no encryption"}}, "STARTTLS未成"),
    ],
)
def test_encryption_that_does_not_come_about(
    warehouse: Warehouse, opened: Open, trusted: Path, words: dict[str, Any], detail: str
) -> None:
    """Also when it was cut out of the offer on the way: no login and no mail in the clear."""
    with opened(login=("jjyx", PASSWORD), **words) as server:
        found = outcome(warehouse, smtp(server, ca=trusted, login="jjyx", password=PASSWORD, timeout=3))
        assert (found[0], detail in found[1]) == ("deferred", True), found
        assert states(warehouse) == ["deferred", "planned"]
        assert not any("AUTH" in said.upper() or "MAIL" in said.upper() for said in server.commands)


def test_a_server_that_speaks_no_tls_on_the_tls_port(warehouse: Warehouse) -> None:
    with Server() as server:
        transport = Smtp(SmtpServer("127.0.0.1", server.port, security="tls", timeout=1), "a@example.invalid")
        assert outcome(warehouse, transport)[0] == "deferred"
        assert states(warehouse) == ["deferred", "planned"]


@pytest.mark.parametrize(
    "deed", [None, "535 5.7.8 wrong: K7-geheim", "454 4.7.0 later", "504 5.5.4 what", DROP, GARBAGE]
)
def test_a_login_that_fails_is_tried_once_for_all_mails(
    warehouse: Warehouse, opened: Open, trusted: Path, caplog: pytest.LogCaptureFixture, deed: str | None
) -> None:
    caplog.set_level(logging.DEBUG)
    deeds = {} if deed is None else {"auth": deed}
    with opened(login=("jjyx", "another"), deeds=deeds) as server:
        transport = smtp(server, ca=trusted, login="jjyx", password=PASSWORD)
        state, detail = outcome(warehouse, transport)
        assert (state, detail.startswith("登录未成")) == ("deferred", True), detail
        assert states(warehouse) == ["deferred", "planned"]
        assert sum(said.startswith("AUTH") for said in server.commands) == 1
        assert server.taken == []
    with warehouse.engine.connect() as conn:
        written = repr((ledger.history(conn), rows(warehouse), transport.server, vars(transport)))
    for secret in (PASSWORD, base64.b64encode(f"\0jjyx\0{PASSWORD}".encode()).decode()):
        assert secret not in written + caplog.text


def test_no_way_to_log_in(warehouse: Warehouse, opened: Open, trusted: Path) -> None:
    with opened() as server:
        found = outcome(warehouse, smtp(server, ca=trusted, login="jjyx", password=PASSWORD))
        assert found == ("deferred", "服务器未提供可用的登录方式")


def test_a_login_the_server_wants_and_nobody_gave(warehouse: Warehouse, opened: Open, trusted: Path) -> None:
    with opened(login=("jjyx", PASSWORD)) as server:
        state, detail = outcome(warehouse, smtp(server, ca=trusted))
        assert (state, "530" in detail) == ("deferred", True)
        assert states(warehouse) == ["deferred", "planned"]


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_an_unencrypted_login_on_this_machine(warehouse: Warehouse, mechanism: str) -> None:
    """Allowed on loopback; without encryption the mechanism that does not show the password goes first."""
    with Server(extensions=[f"AUTH {mechanism}"], deeds={"auth": "235 2.7.0 welcome", "mail": "250 ok"}) as server:
        transport = Smtp(SmtpServer("127.0.0.1", server.port, "jjyx", PASSWORD, "none", timeout=9), "a@example.invalid")
        outcome(warehouse, transport)
        assert any(said.startswith(f"AUTH {mechanism}") for said in server.commands)
