"""Whom the landing folder tells of what it cannot read: the watch by reason and age, the doctor file by file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from qxmonitor import look, pipeline
from qxmonitor.catalog.office import office
from qxmonitor.errors import QxError
from qxmonitor.landing.sftp_server import SftpServer
from qxmonitor.operate import doctor
from qxmonitor.operate.up import free_port
from qxmonitor.warehouse import Warehouse, landed
from qxmonitor.warehouse.files import Sight
from qxmonitor.warehouse.landed import Look
from qxmonitor.watch import _unread, watch
from tests.landing.sftp import PASSWORD, USER, Server, serving

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::ResourceWarning")]  # asyncssh's own, at close

HOURS = timedelta(hours=office().watch.unread_hours)


def waits(wh: Warehouse, **since: tuple[timedelta, str]) -> None:
    """Remember files that have waited so long, for a reason."""
    now = datetime.now(UTC)
    landed.remember(
        wh, {name.encode(): Look(Sight(1, 1, 1), now, now - age, why) for name, (age, why) in since.items()}
    )


# -- the watch -----------------------------------------------------------------------------------------------------


def test_what_waits_for_long_is_told_once_for_each_reason_and_without_names(wh: Warehouse) -> None:
    late, soon = HOURS + timedelta(minutes=5), HOURS - timedelta(minutes=5)
    waits(
        wh, 甲厂一=(late, "正被办公软件打开"), 甲厂二=(late * 2, "正被办公软件打开"), 乙厂=(late, ""),
        丙厂=(soon, "临时文件，传完后应改为正式文件名"), 丁厂=(soon, ""),
    )  # fmt: skip
    found = {finding.words: finding for finding in _unread(wh)}
    hours = office().watch.unread_hours
    assert set(found) == {
        f"收件目录里有 2 份文件超过 {hours} 小时未能收取：正被办公软件打开；文件名见 qxmonitor doctor",
        f"收件目录里有 1 份文件超过 {hours} 小时未能收取：一直在变化；文件名见 qxmonitor doctor",
    }
    [opened] = [finding for words, finding in found.items() if "打开" in words]
    assert abs(datetime.now(UTC) - opened.since - late * 2) < timedelta(minutes=1)  # of the one that waits longest
    assert "厂" not in "".join(found)


def test_a_mail_goes_out_once_as_long_as_it_is_the_same_and_again_when_it_came_back(wh: Warehouse) -> None:
    def mails() -> int:
        return len(look.listing(wh, "ledger"))

    waits(wh, a=(HOURS * 2, "正在传输"))
    assert [row["told"] for row in watch(wh)] == [True]
    before = mails()
    assert [row["told"] for row in watch(wh)] == [False]
    waits(wh, a=(HOURS * 2, "正在传输"), b=(HOURS + timedelta(minutes=5), "正在传输"))
    assert [row["told"] for row in watch(wh)] == [False]  # one more of the kind is the same trouble
    assert mails() == before > 0
    landed.remember(wh, {}, [b"a", b"b"])
    assert watch(wh) == []
    waits(wh, c=(HOURS + timedelta(days=3), "正在传输"))
    assert [row["told"] for row in watch(wh)] == [True]


def test_a_file_kept_at_last_is_told_no_more(wh: Warehouse) -> None:
    part = wh.settings.landing_dir / "a.csv.part"
    part.write_bytes(b"1")
    pipeline.land(wh)
    [(path, before)] = landed.looks(wh).items()
    landed.remember(wh, {path: replace(before, waiting_since=datetime.now(UTC) - HOURS * 2)})
    assert len(list(_unread(wh))) == 1
    part.rename(part.with_suffix(""))
    pipeline.land(wh)
    assert list(_unread(wh)) == []


# -- the doctor ----------------------------------------------------------------------------------------------------


def seen(wh: Warehouse) -> list[tuple[str, str]]:
    return [(finding.verdict, finding.words) for finding in doctor._arrivals(wh.settings, 0)]


def test_the_doctor_names_the_first_files_and_counts_the_rest(wh: Warehouse) -> None:
    assert seen(wh) == [("ok", f"收件目录 {wh.settings.landing_dir}；未配置 SFTP")]
    for number in range(7):
        (wh.settings.landing_dir / f"{number}\n\x1b[31m.csv.part").write_bytes(b"1")
    (wh.settings.landing_dir / "8.csv").write_bytes(b"1")
    pipeline.land(wh)
    waits(wh, **{"9": (timedelta(days=1), "")})
    notes = [words for verdict, words in seen(wh) if verdict == "note"]
    assert notes[0] == "还不能读：9（刚写入，等它不再变化）"  # longest first
    assert len(notes) == doctor._NAMED + 1
    assert notes[-1] == "另有 3 份文件还不能读"
    assert all("临时文件" in words and words.isprintable() for words in notes[1:-1])


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "far").mkdir()
    with serving(tmp_path / "far") as server:
        yield server


def test_the_doctor_logs_in_and_tells_how_the_last_fetch_ended(wh: Warehouse, far: Server, tmp_path: Path) -> None:
    (far.root / "a.csv").write_bytes(b"1")
    hosts, key = far.known_hosts(tmp_path / "known_hosts"), tmp_path / "key"
    far.client_key.write_private_key(str(key))
    at = f"{USER}@127.0.0.1:{far.port}"
    wh.settings = replace(wh.settings, sftp_url=f"sftp://{at}/?key={key}&known_hosts={hosts}")
    assert seen(wh) == [("ok", f"SFTP {at} 可登录，目录 . 有 1 项")]
    landed.note_tried(wh, at, "1 份文件服务器不让读")
    landed.note_tried(wh, "other@far:22", "连接不上")
    assert seen(wh)[1:] == [("note", "上次没有全部取回：1 份文件服务器不让读")]
    landed.note_tried(wh, at, "")
    assert len(seen(wh)) == 1


def test_the_doctor_says_what_is_wrong_with_the_server_and_no_password(wh: Warehouse) -> None:
    port = free_port()
    wh.settings = replace(wh.settings, sftp_url=f"sftp://{USER}:geheim@127.0.0.1:{port}/?host_key=SHA256:{'a' * 43}")
    with pytest.raises(QxError, match="连接不上") as refused:
        seen(wh)
    assert "geheim" not in str(refused.value)
    assert PASSWORD not in repr(SftpServer("a", USER, 22, "/", PASSWORD, host_key=f"SHA256:{'a' * 43}"))
    assert wh.settings.sftp_url is not None
    found = [finding for finding in doctor.examine(wh.settings, port=free_port()) if finding.part == "收件"]
    assert [finding.verdict for finding in found] == ["bad"]
    assert found[0].do


def test_the_doctor_says_that_the_folder_cannot_be_written(wh: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)  # as for anyone but root
    assert seen(wh)[0] == ("bad", f"收件目录 {wh.settings.landing_dir} 读写不了")
