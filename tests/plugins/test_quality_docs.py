"""The Data Docs behind Airflow's login: nobody without it, only pages of the site with it, and a place in the menu."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from qxmonitor.settings import ROOT
from tests.airflow_home import prepare

prepare()

import quality_docs  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QXMONITOR_HOME", str(tmp_path))
    folder = tmp_path / "quality"
    (folder / "files").mkdir(parents=True)
    (folder / "index.html").write_text("<h1>目录</h1>", encoding="utf-8")
    (folder / "2026-10.html").write_text("<h1>十月</h1>", encoding="utf-8")
    (folder / "files" / "0123456789ab.html").write_text("<h1>文件</h1>", encoding="utf-8")
    (folder / "secret.txt").write_text("no", encoding="utf-8")
    (folder / "2026-11.html").symlink_to(folder / "secret.txt")
    full = tmp_path / "statistical" / "quality"
    full.mkdir(parents=True)
    (full / "index.html").write_text("9876543", encoding="utf-8")
    return folder


@pytest.fixture
def inside(site: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A reader whom Airflow has let in."""
    app = quality_docs.pages()
    (login,) = app.router.dependencies
    monkeypatch.setitem(app.dependency_overrides, login.dependency, lambda: None)
    return client()


def client() -> Any:
    from fastapi.testclient import TestClient

    return TestClient(quality_docs.Lazy(), raise_server_exceptions=False)


@pytest.mark.parametrize("page", ["", "index.html", "2026-10.html", "files/0123456789ab.html", "secret.txt"])
def test_without_a_login_nothing_is_shown(site: Path, page: str) -> None:
    from airflow.api_fastapi.app import init_auth_manager

    init_auth_manager(quality_docs.pages())
    answer = client().get(f"/{page}", follow_redirects=False)
    assert answer.status_code == 401
    assert "<h1>" not in answer.text


def test_pages_are_served_to_who_is_let_in(inside: Any) -> None:
    assert inside.get("/index.html").text == "<h1>目录</h1>"
    assert inside.get("/2026-10.html").text == "<h1>十月</h1>"
    answer = inside.get("/files/0123456789ab.html")
    assert answer.text == "<h1>文件</h1>"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert inside.get("/", follow_redirects=False).headers["location"] == "/quality-docs/index.html"


@pytest.mark.parametrize(
    "page",
    ["secret.txt", "2026-11.html", "../statistical/quality/index.html", "%2e%2e/statistical/quality/index.html",
     "files/../../statistical/quality/index.html", "files/%2e%2e/%2e%2e/statistical/quality/index.html",
     "//etc/passwd", "2026-12.html", "index.html%00.txt", "2026-10.html/"],
)  # fmt: skip
def test_nothing_else_is_served(inside: Any, page: str) -> None:
    answer = inside.get(f"/{page}")
    assert answer.status_code == 404
    assert "9876543" not in answer.text


def test_before_the_first_report_a_page_says_so(inside: Any, site: Path) -> None:
    (site / "index.html").unlink()
    assert "还没有校验报告" in inside.get("/index.html").text


def test_the_plugin_is_light_where_no_page_is_asked_for() -> None:
    code = (
        "import tests.airflow_home as home, sys; home.prepare(); there = set(sys.modules); import quality_docs;"
        "print([name for name in ('fastapi', 'airflow.api_fastapi.core_api.security', 'pandas')"
        " if name in set(sys.modules) - there])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip().splitlines()[-1:] == ["[]"], done.stdout + done.stderr


def test_the_menu_leads_there() -> None:
    (view,) = quality_docs.QualityDocsPlugin.external_views
    (app,) = quality_docs.QualityDocsPlugin.fastapi_apps
    assert view["destination"] == "nav"
    assert view["href"].startswith(app["url_prefix"] + "/")
