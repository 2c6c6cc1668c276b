"""The upload page: only who may run ``land``, only from the page itself, whole files only, one line for everything."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from qxmonitor.landing import names, place
from qxmonitor.settings import ROOT, Settings
from tests.airflow_home import prepare
from tests.landing.conftest import largest_file

prepare()

import upload as page  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

OURS = {page.MARK: "1", "Sec-Fetch-Site": "same-origin"}
TODAY = "2026-11-18/上传"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QXMONITOR_HOME", str(tmp_path))
    monkeypatch.setenv("QXMONITOR_NOW", "2026-11-18T10:00+08:00")
    monkeypatch.setenv("QXMONITOR_LARGEST_MIB", "1")
    return tmp_path


def client() -> Any:
    from fastapi.testclient import TestClient

    return TestClient(page.Lazy(), raise_server_exceptions=False)


@pytest.fixture
def login(home: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Airflow's own login without its database: a token for a role."""
    from airflow.api_fastapi.app import get_auth_manager, init_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.models.dag import DagModel
    from airflow.models.revoked_token import RevokedToken

    monkeypatch.setattr(DagModel, "get_team_name", lambda dag_id: None)
    monkeypatch.setattr(RevokedToken, "is_revoked", lambda jti: False)
    init_auth_manager(page.pages())

    def token(role: str) -> dict[str, str]:
        user: Any = SimpleAuthManagerUser(username=f"a {role}", role=role)
        return {"Authorization": f"Bearer {get_auth_manager().generate_jwt(user)}"}

    return token


@pytest.fixture
def operator(login: Any) -> Any:
    """A client of somebody who may run ``land``."""
    one = client()
    one.headers.update(login("user"))
    return one


def put(who: Any, name: str, content: Any = b"1,2\n", day: str = "", headers: dict[str, str] | None = None) -> Any:
    return who.put("/file", params={"name": name, "day": day}, content=content, headers=headers or OURS)


def lying(home: Path) -> dict[str, bytes]:
    """Every file of the landing folder, hidden ones as well."""
    root = home / "landing"
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


# -- who -----------------------------------------------------------------------------------------------------------


def test_only_who_may_run_land(home: Path, login: Any) -> None:
    for who, code in (({}, 401), (login("viewer"), 403), ({"Authorization": "Bearer nonsense"}, 403)):
        one = client()
        one.headers.update(who)
        for path in ("/", "/upload.js", "/upload.css", "/nowhere"):
            answer = one.get(path)
            assert (answer.status_code, "drop" in answer.text) == (code, False)
        answer = put(one, "a.csv")
        assert (answer.status_code, answer.json()["state"]) == (code, "refused")
    assert "到文登记" in put(client(), "a.csv", headers=OURS | login("viewer")).json()["words"]
    assert lying(home) == {}
    for role in ("user", "op", "admin"):
        one = client()
        one.headers.update(login(role))
        assert one.get("/").status_code == 200
        assert put(one, f"{role}.csv", role.encode()).json()["state"] == "taken"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        (OURS, 200),
        ({page.MARK: "1"}, 200),
        ({page.MARK: "1", "Origin": "http://testserver"}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 400),
        ({page.MARK: "1", "Sec-Fetch-Site": "cross-site"}, 400),
        ({page.MARK: "1", "Sec-Fetch-Site": "same-site", "Origin": "http://testserver"}, 400),
        ({page.MARK: "1", "Sec-Fetch-Site": "none"}, 400),
        ({page.MARK: "1", "Origin": "http://testserver:81"}, 400),
        ({page.MARK: "1", "Origin": "http://elsewhere.invalid"}, 400),
        ({page.MARK: "1", "Origin": "null"}, 400),
    ],
)
def test_only_from_the_page_itself(home: Path, operator: Any, headers: dict[str, str], code: int) -> None:
    assert put(operator, "a.csv", headers=headers).status_code == code
    assert len(lying(home)) == (code == 200)


def test_no_foreign_page_may_ask_first(operator: Any) -> None:
    asked = {"Origin": "http://elsewhere.invalid", "Access-Control-Request-Method": "PUT",
             "Access-Control-Request-Headers": page.MARK}  # fmt: skip
    answer = operator.options("/file", headers=asked)
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]


# -- the page ------------------------------------------------------------------------------------------------------


def test_the_page_runs_nothing_but_its_own_file(operator: Any) -> None:
    answer = operator.get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'self'" in policy
    assert answer.text.count("<script") == answer.text.count('<script src="upload.js" defer></script>') == 1
    assert "style=" not in answer.text and "<style" not in answer.text and " on" not in answer.text.split("<body")[0]
    assert 'max="2026-11-18"' in answer.text
    assert f'data-largest="{1 << 20}"' in answer.text
    assert f'data-mark="{page.MARK}"' in answer.text
    for name, kind in (("upload.js", "text/javascript"), ("upload.css", "text/css")):
        beside = operator.get(f"/{name}")
        assert beside.headers["content-type"].startswith(kind)
        assert beside.headers["x-content-type-options"] == "nosniff"
    script = operator.get("/upload.js").text
    assert "innerHTML" not in script and "eval" not in script
    assert {operator.get(f"/{name}").status_code for name in ("page.html.j2", "..%2fupload.js", "docs")} == {404}


def test_the_menu_leads_there() -> None:
    (view,) = page.UploadPlugin.external_views
    (app,) = page.UploadPlugin.fastapi_apps
    assert view["destination"] == "nav"
    assert view["href"] == f"{app['url_prefix']}/"


def test_the_plugin_is_light_where_nothing_is_uploaded() -> None:
    code = (
        "import tests.airflow_home as home, sys; home.prepare(); there = set(sys.modules); import upload;"
        "print([name for name in ('fastapi', 'airflow.api_fastapi.core_api.security', 'pandas', 'jinja2')"
        " if name in set(sys.modules) - there])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip().splitlines()[-1:] == ["[]"], done.stdout + done.stderr


# -- taking --------------------------------------------------------------------------------------------------------


def test_a_file_lies_under_its_day_and_the_same_bytes_twice_are_one(home: Path, operator: Any) -> None:
    answer = put(operator, "月报.csv").json()
    assert answer == {"state": "taken", "words": "已收下", "name": f"{TODAY}/月报.csv", "bytes": 4}
    assert put(operator, "月报.csv").json()["state"] == "known"
    assert lying(home) == {f"{TODAY}/月报.csv": b"1,2\n"}
    mode = (home / "landing" / TODAY / "月报.csv").stat().st_mode
    assert mode & 0o777 == 0o600

    other = put(operator, "月报.csv", b"1,3\n").json()  # never over another
    mark = hashlib.sha256(b"1,3\n").hexdigest()[:12]
    assert (other["state"], other["name"]) == ("taken", f"{TODAY}/月报~{mark}.csv")
    assert put(operator, "旧.csv", day="2026-11-05").json()["name"] == "2026-11-05/上传/旧.csv"
    assert len(lying(home)) == 3


def test_a_content_that_was_kept_before_is_said_to_be_known(home: Path, operator: Any) -> None:
    kept = Settings(home=home).original(hashlib.sha256(b"1,2\n").hexdigest())
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"1,2\n")
    assert put(operator, "a.csv").json()["words"] == "已有相同内容，只登记一次"


def test_a_large_file_comes_whole_with_and_without_its_size_said(home: Path, operator: Any) -> None:
    content = os.urandom(1 << 20)
    assert put(operator, "a.bin", content).json()["bytes"] == 1 << 20
    pieces = (content[at : at + 70_001] for at in range(0, len(content), 70_001))
    assert put(operator, "a.bin", pieces).json()["state"] == "known"
    assert list(lying(home).values()) == [content]


def test_what_is_too_large_is_refused_with_and_without_its_size_said(home: Path, operator: Any) -> None:
    for content in (b"x" * ((1 << 20) + 1), (b"x" * 65_536 for _ in range(17)), (b"x" * 65_536 for _ in range(400))):
        answer = put(operator, "a.csv", content)
        assert (answer.status_code, answer.json()["words"]) == (413, "超过 1 MiB，请拆分后上传")
    assert lying(home) == {}


@pytest.mark.parametrize(
    ("name", "day", "content", "words"),
    [
        ("a.csv", "", b"", "文件是空的"),
        ("", "", b"1", "没有文件名"),
        (" ", "", b"1", "没有文件名"),
        ("a.csv", "2026-11-19", b"1", "晚于今天"),
        ("a.csv", "1999-12-31", b"1", "2000"),
        ("a.csv", "2026-02-30", b"1", "写法不对"),
        ("a.csv", "../../x", b"1", "写法不对"),
        ("a.csv", "20261118", b"1", "写法不对"),
        ("a.csv", "２０２６-11-18", b"1", "写法不对"),
        (".hidden", "", b"1", "隐藏文件"),
        ("Thumbs.db", "", b"1", "隐藏文件"),
        ("~$月报.xlsx", "", b"1", "锁文件"),
        ("月报.xlsx.part", "", b"1", "临时文件"),
    ],
)
def test_a_refusal_is_one_line(home: Path, operator: Any, name: str, day: str, content: bytes, words: str) -> None:
    answer = put(operator, name, content, day)
    said = answer.json()
    assert (answer.status_code, said["state"], words in said["words"], said["words"].isprintable()) == (
        400, "refused", True, True,
    )  # fmt: skip
    assert lying(home) == {}


@pytest.mark.parametrize(
    "name",
    ["../../../etc/cron.d/x", "/etc/passwd", "..", "a\nb\r.csv", "a\u202excod.csv", "a\0b.csv", "企" * 400 + ".xlsx",
     "CON.xlsx", "a\\b.csv", "<img src=x onerror=alert(1)>.csv", "=cmd.csv", "%2e%2e%2fx.csv", "a\ufffd.csv",
     "\x1b[31m"],
)  # fmt: skip
def test_a_strange_name_becomes_an_ordinary_one(home: Path, operator: Any, name: str) -> None:
    answer = put(operator, name).json()
    assert answer["state"] in ("taken", "refused")
    for path in lying(home):
        assert path == f"{TODAY}/{names.safe_name(name)}"
        assert path.isprintable()


def test_uploads_of_one_name_at_once_all_stay(home: Path, operator: Any) -> None:
    contents = [b"%d\n" % (number // 2) * 9000 for number in range(8)]  # every content twice
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda content: put(operator, "a.csv", content).json(), contents))
    assert sorted(answer["state"] for answer in answers) == ["known"] * 4 + ["taken"] * 4
    assert sorted(lying(home).values()) == sorted(set(contents))


# -- what goes wrong -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EACCES])
@pytest.mark.parametrize("step", ["fsync", "mkdir", "link"])
def test_a_disk_that_cannot_be_written_is_said_as_such(
    home: Path, operator: Any, monkeypatch: pytest.MonkeyPatch, number: int, step: str
) -> None:
    def broken(*given: Any, **more: Any) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, step, broken)
        answer = put(operator, "a.csv")
    full = number != errno.EACCES
    assert (answer.status_code, answer.json()["state"]) == (507 if full else 500, "refused")
    assert ("磁盘空间不足" if full else "写不了") in answer.json()["words"]
    assert str(home) not in answer.text
    assert lying(home) == {}
    assert put(operator, "a.csv").json()["state"] == "taken"


def test_a_file_size_limit_is_a_full_disk_and_the_rest_is_heard_to_the_end(home: Path, operator: Any) -> None:
    with largest_file(200_000):
        answer = put(operator, "a.csv", (b"x" * 65_536 for _ in range(16)))
    assert (answer.status_code, answer.json()["words"][:6]) == (507, "磁盘空间不足")
    assert lying(home) == {}


def test_a_wrong_setting_is_one_line(operator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QXMONITOR_LARGEST_MIB", "much")
    for answer in (operator.get("/"), put(operator, "a.csv")):
        assert (answer.status_code, "QXMONITOR_LARGEST_MIB 应为" in answer.text) == (500, True)


@contextmanager
def served() -> Iterator[int]:
    """The application below Airflow's own middlewares and behind a real HTTP server, with its port."""
    import uvicorn
    from airflow.api_fastapi.core_api.app import init_middlewares
    from fastapi import FastAPI

    airflow = FastAPI()
    airflow.mount(page.PREFIX, page.Lazy())
    init_middlewares(airflow)
    server = uvicorn.Server(uvicorn.Config(airflow, port=0, log_level="critical", lifespan="off"))
    at = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=asyncio.run, args=(server.serve([at]),), daemon=True)
    thread.start()
    try:
        yield at.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)


def head(token: dict[str, str], length: str) -> bytes:
    lines = {**OURS, **token, "Host": "127.0.0.1"}
    return "\r\n".join(
        ["PUT /upload/file?name=a.csv HTTP/1.1", *(f"{name}: {value}" for name, value in lines.items()), length, "", ""]
    ).encode()


def soon(home: Path, drafts: int) -> None:
    """Wait until so many drafts lie there."""
    end = time.monotonic() + 20
    while len(list((home / "landing" / ".incoming").glob("*"))) != drafts:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_broken_connection_leaves_nothing(home: Path, login: Any) -> None:
    token = login("user")
    with served() as port:
        for length, sent in (
            ("Content-Length: 900000", b"x" * 400_000),
            ("Transfer-Encoding: chunked", b"61a80\r\n" + b"x" * 400_000),
        ):
            with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
                line.sendall(head(token, length) + sent)
                soon(home, 1)
            soon(home, 0)
        assert lying(home) == {}
        with socket.create_connection(("127.0.0.1", port), timeout=20) as line:  # and the server is well
            line.sendall(head(token, "Content-Length: 3") + b"1,2")
            assert b"200 OK" in line.recv(65_536)
    assert lying(home) == {f"{TODAY}/a.csv": b"1,2"}


def test_what_a_killed_server_left_is_swept_later_and_never_read(home: Path, operator: Any) -> None:
    left = home / "landing" / ".incoming" / "abc"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    assert put(operator, "a.csv").json()["state"] == "taken"
    assert place.sweep(home / "landing") == 0
    os.utime(left, (1, 1))
    assert place.sweep(home / "landing") == 1
    assert list(lying(home)) == [f"{TODAY}/a.csv"]
