"""The office's month through Airflow's pages in a real browser: backfill, approval, delivery, mail in the Maildir."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from qxmonitor import pipeline
from qxmonitor.catalog.release import release_calendar
from qxmonitor.operate.environment import USER, secret
from qxmonitor.period import Period
from qxmonitor.settings import Settings
from qxmonitor.simulate import staged_for_show
from qxmonitor.warehouse import drafts
from tests.system.test_scheduler import BACK, Running, installation

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

    def upload(self, paths: list[Path]) -> list[str]:
        """Hand files in on the page in the menu, then start ``land`` there; what the page says of each file."""
        self.page.goto(self.base)
        self.page.get_by_text("浏览", exact=True).first.click()
        self.page.get_by_text("上传文件").first.click()
        inside = self.page.frame_locator("iframe")
        inside.locator("#choose").wait_for()
        self.look("0-upload-empty")
        inside.locator("#files").set_input_files(paths)
        inside.locator("#land").wait_for()
        self.look("0-upload-results")
        api, watch, land = self.running.api, self.running.services.watch, inside.locator("#land")
        land.click()
        inside.get_by_text("已暂停").wait_for()
        api.pause("land", False)
        land.click()
        inside.get_by_text("登记完成").wait_for(timeout=120_000)
        self.look("0-upload-landed")
        api.settle("登记", 60, watch)
        return [" ".join(row.split("\t")) for row in inside.locator("tbody tr").all_inner_texts()]

    def backfill(self, dag: str, first: Period, last: Period) -> None:
        """Fill the form with the first days of two months, as an operator would, and start it."""
        self.page.goto(f"{self.base}/dags/{dag}")
        self.page.get_by_test_id("trigger-dag-button").click()
        form = self.page.get_by_role("dialog").first
        form.get_by_text("回填").first.click()
        for place, month in enumerate((first, last)):
            self.page.get_by_test_id("datetime-input").nth(place).click()
            self.page.get_by_placeholder("YYYY/MM/DD").last.fill(f"{month.replace('-', '/')}/01")
            self.page.get_by_placeholder("HH:mm").last.fill("00:00")
            self.page.keyboard.press("Enter")
            form.get_by_role("heading").first.click()
        form.get_by_text(f"将会触发 {BACK} 次执行").wait_for()
        self.look("2-backfill")
        form.get_by_role("button", name="执行回填").click()
        api, watch = self.running.api, self.running.services.watch
        api.wait(lambda: len(api.runs(dag)) == BACK, "回填开始", 60, watch)
        self.running.settle()

    def approve(self, note: str) -> None:
        self.page.goto(f"{self.base}/required_actions")
        self.page.get_by_text("审批简报").first.click()
        self.page.locator("#element_note").fill(note)
        self.look("3-approval")
        self.page.get_by_role("button", name="批准").click()
        self.page.get_by_text("任务 approve 响应成功").wait_for()
        self.running.settle()

    def deliver(self) -> None:
        self.page.goto(f"{self.base}/dags/deliver")
        self.page.get_by_test_id("toggle-pause").first.click()
        self.page.get_by_test_id("trigger-dag-button").click()
        self.page.get_by_role("dialog").first.get_by_role("button", name="触发").last.click()
        api, watch = self.running.api, self.running.services.watch
        api.wait(lambda: bool(api.runs("deliver", states=("success",))), "发送", 60, watch)
        self.running.settle()
        self.look("4-delivered")


def test_an_operator_backfills_approves_and_delivers_in_the_pages(tmp_path: Path) -> None:
    pictures = Path(os.environ.get("QXMONITOR_PICTURES") or tmp_path / "pictures")
    now = Settings(home=tmp_path).now()
    last = release_calendar().newest_released(now)
    town = tmp_path / "town"
    pipeline.simulate(now, town, firms=30, first=last - 7, last=last, seed=5, staged=staged_for_show(30))
    newest = sorted((town / "landing").iterdir())[-1]
    handed = tmp_path / "desk" / "经开区月报（改报）.part2.csv"
    handed.parent.mkdir()
    shutil.move(next(path for path in sorted(newest.iterdir()) if path.is_file()), handed)
    lock = handed.with_name("~$月报.xlsx")
    lock.write_bytes(b"lock")
    with installation(town) as running, browser() as page:
        walk = Walk(running, page, pictures)
        walk.sign_in()
        taken, locked = walk.upload([handed, lock])
        assert "已收下" in taken and "拒绝" in locked
        [kept] = running.wh.frame("select path, sha256 from landed where path like '%/上传/%'").to_dict("records")
        assert kept["path"].endswith(f"/{now:%Y-%m-%d}/上传/{handed.name}")
        assert running.wh.files.path(kept["sha256"]).read_bytes() == handed.read_bytes()
        running.listen()
        running.backfill()
        listed = walk.list()
        assert [name for name in NAMES if name not in listed] == []
        assert "导入错误" not in listed and running.api.import_errors() == []

        walk.backfill("rebuild", running.first, last)
        runs = running.api.runs("rebuild")
        assert sorted(run["partition_key"] for run in runs) == [str(last - 2), str(last - 1), str(last)]
        assert {run["state"] for run in runs} == {"success"}
        assert running.mails() == []

        walk.approve("核对无误，同意印发")
        assert set(drafts.read(running.wh, last)["outcome"]) == {"approved"}
        walk.deliver()
        ledger = running.ledger()
        assert {row["state"] for row in ledger} == {"accepted"}
        assert {"alerts", "briefing"} <= {row["kind"] for row in ledger}
        assert len(running.mails()) == len(ledger)
        assert running.failed() == []
