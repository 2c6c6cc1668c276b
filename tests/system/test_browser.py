"""An operator's first steps through Airflow's pages in a real browser: sign in, see every DAG, let one run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from qxmonitor import pipeline
from qxmonitor.catalog.release import release_calendar
from qxmonitor.operate.environment import USER, secret
from qxmonitor.settings import Settings
from tests.system.test_scheduler import Running, installation

pytestmark = [pytest.mark.system, pytest.mark.filterwarnings("default")]  # playwright's loop warns when it closes

CHROMIUM = "/usr/bin/chromium"
WORDS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
NAMES = (
    "统计报表入库",
    "海关数据入库",
    "保税物流数据入库",
    "到文登记",
    "监测",
    "重算",
    "简报",
    "发送",
    "值守",
    "运行维护",
)


@contextmanager
def browser() -> Iterator[Page]:
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=WORDS)
        context = chromium.new_context(
            locale="zh-CN", timezone_id="Asia/Shanghai", viewport={"width": 1400, "height": 900}
        )
        page = context.new_page()
        page.set_default_timeout(20_000)
        yield page
        chromium.close()


class Walk:
    """The stations, each with a picture."""

    def __init__(self, running: Running, page: Page, pictures: Path) -> None:
        self.running, self.page, self.pictures = running, page, pictures
        self.base = f"http://127.0.0.1:{running.services.port}"
        pictures.mkdir(parents=True, exist_ok=True)

    def look(self, name: str) -> None:
        self.page.screenshot(path=self.pictures / f"{name}.png")

    def sign_in(self) -> None:
        self.page.goto(self.base)
        self.page.locator("input[name=username]").fill(USER)
        self.page.locator("input[name=password]").fill(secret(self.running.wh.settings, "password"))
        self.page.locator("button[type=submit]").click()
        self.page.wait_for_url(lambda url: "/auth/" not in url)

    def list(self) -> str:
        self.page.goto(f"{self.base}/dags")
        self.page.get_by_text("重算 rebuild").first.wait_for()
        self.look("1-dags")
        return self.page.locator("body").inner_text()

    def unpause(self, dag: str) -> None:
        self.page.goto(f"{self.base}/dags/{dag}")
        self.page.get_by_test_id("toggle-pause").first.click()
        self.running.api.wait(
            lambda: not self.running.api.dags()[dag]["is_paused"], f"启用 {dag}", 20, self.running.services.watch
        )
        self.look("2-unpaused")


def test_an_operator_signs_in_sees_every_dag_and_lets_one_run(tmp_path: Path) -> None:
    pictures = Path(os.environ.get("QXMONITOR_PICTURES") or tmp_path / "pictures")
    now = Settings(home=tmp_path).now()
    last = release_calendar().newest_released(now)
    town = tmp_path / "town"
    pipeline.simulate(now, town, firms=30, first=last - 7, last=last, seed=5)
    with installation(town) as running, browser() as page:
        walk = Walk(running, page, pictures)
        walk.sign_in()
        listed = walk.list()
        assert [name for name in NAMES if name not in listed] == []
        assert "导入错误" not in listed and running.api.import_errors() == []
        assert running.api.dags()["rebuild"]["is_paused"]
        walk.unpause("rebuild")
        running.api.close()
