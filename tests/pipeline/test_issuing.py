"""The briefing between draft and mail: submitted once, approved as it was submitted, superseded when figures change."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from qxmonitor import issuing, pipeline
from qxmonitor.catalog.office import office
from qxmonitor.catalog.release import release_calendar
from qxmonitor.errors import QxError
from qxmonitor.period import Period
from qxmonitor.settings import Settings
from qxmonitor.simulate import staged_for_show, write_town
from qxmonitor.warehouse import Warehouse, drafts, given
from tests.pipeline.conftest import Town

pytestmark = [pytest.mark.slow, pytest.mark.long]

MEMBERS = sorted(member for edition in office().editions for member in edition.members)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    folder = tmp_path_factory.mktemp("issuing") / "town"
    first, last = Period("2025-02"), Period("2025-04")
    write_town(folder, firms=24, first=first, last=last, seed=3, staged=staged_for_show(24))
    return Town(folder, first, last, json.loads((folder / "truth.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def april(new_module_database: Callable[..., Settings], town: Town) -> Settings:
    """The town on the day after its last release, without what a bonded centre sent in April; computed."""
    now = release_calendar().released_at(town.last) + timedelta(days=1)
    settings = replace(new_module_database("issuing"), fixed_now=now)
    with Warehouse(settings) as wh:
        pipeline.ingest(wh, [path for path in files(town) if not late(path)])
        pipeline.run(wh, town.last)
    return settings


@pytest.fixture(scope="module")
def drafted(
    april: Settings, new_module_database: Callable[..., Settings], town: Town
) -> tuple[Settings, tuple[str, ...]]:
    """The same with drafts of April, which ``run-1`` submitted; and what they are called."""
    settings = new_module_database("drafted", april)
    with Warehouse(settings) as wh:
        submitted = submit(wh, town, "run-1")
        assert len(submitted) == len(office().editions)
        assert briefings(wh) == []
    return settings, tuple(submitted)


@pytest.fixture
def computed(new_database: Callable[..., Settings], drafted: tuple[Settings, tuple[str, ...]]) -> Iterator[Warehouse]:
    """A copy of that for each test."""
    with Warehouse(new_database(drafted[0])) as wh:
        yield wh


@pytest.fixture
def submitted(drafted: tuple[Settings, tuple[str, ...]]) -> list[str]:
    return list(drafted[1])


def files(town: Town) -> list[Path]:
    return sorted(path for path in town.landing.rglob("*") if path.is_file())


def late(path: Path) -> bool:
    return path.parent.name.startswith("2025-05") and path.suffix == ".xml"


def arrives(wh: Warehouse, town: Town) -> None:
    """The rest comes in, and April is computed again."""
    for path in files(town):
        if late(path):
            pipeline.ingest(wh, [path], known_at=wh.settings.now())
    pipeline.run(wh, town.last)


def submit(wh: Warehouse, town: Town, by: str) -> list[str]:
    return str(pipeline.draft(wh, town.last, by=by)["issues"]).split()


def briefings(wh: Warehouse) -> list[Any]:
    with wh.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "select body from message where kind = 'briefing' order by reader, message_id"
        )
        return [message_from_bytes(bytes(row.body), policy=policy.default) for row in rows]


@contextmanager
def unchanged(wh: Warehouse) -> Iterator[None]:
    before = len(briefings(wh))
    yield
    assert len(briefings(wh)) == before


def test_approved_drafts_go_to_every_member_with_the_submitted_files(
    computed: Warehouse, submitted: list[str], town: Town
) -> None:
    found = pipeline.decide(computed, submitted, approved=True, who="统计办", why="核对无误")
    assert (found["state"], found["planned"]) == ("approved", len(MEMBERS))
    noted = given.read(computed)
    assert set(noted["entity_kind"]) == {"chain", "town"}
    assert noted["period"].max() == town.last
    assert [issue.period for issue in given.issues(computed, town.first, town.last)] == [town.last]
    joint = next(issue for issue in submitted if "-joint-" in issue)
    assert all(row["same"] for row in pipeline.replay(computed, joint, computed.settings.home / "again"))
    kept = {path.name: path.read_bytes() for issue in submitted for path in issuing.folder(computed, issue).iterdir()}
    for mail in briefings(computed):
        attached = list(mail.iter_attachments())
        assert [Path(part.get_filename()).suffix for part in attached] == [".docx", ".xlsx"]
        assert all(part.get_content() == kept[part.get_filename()] for part in attached)
    with unchanged(computed):
        assert pipeline.decide(computed, submitted, approved=True, who="统计办", why="再点一次")["planned"] == 0
        assert submit(computed, town, "run-2") == []


def test_the_same_draft_is_submitted_once_and_by_the_same_run_again(
    computed: Warehouse, submitted: list[str], town: Town
) -> None:
    assert submit(computed, town, "run-2") == []
    assert submit(computed, town, "run-1") == submitted
    assert len(drafts.read(computed, town.last)) == len(submitted)


def test_changed_figures_make_a_new_draft_and_the_old_one_cannot_be_approved(
    computed: Warehouse, submitted: list[str], town: Town
) -> None:
    arrives(computed, town)
    new = submit(computed, town, "run-2")
    assert set(new) - set(submitted)
    with unchanged(computed):
        assert pipeline.decide(computed, submitted, approved=True, who="统计办")["state"] == "superseded"
    assert pipeline.decide(computed, new, approved=True, who="统计办")["planned"] == len(MEMBERS)


def test_a_rejected_draft_is_not_mailed_nor_submitted_again_nor_turned_round(
    computed: Warehouse, submitted: list[str], town: Town
) -> None:
    with unchanged(computed):
        assert pipeline.decide(computed, submitted, approved=False, who="统计办", why="口径待核")["planned"] == 0
        assert submit(computed, town, "run-2") == []
        assert given.read(computed).empty
        with pytest.raises(QxError, match="已退回"):
            pipeline.decide(computed, submitted, approved=True, who="统计办")
    arrives(computed, town)
    assert submit(computed, town, "run-3")


def test_a_document_changed_after_submission_is_not_sent(computed: Warehouse, submitted: list[str], town: Town) -> None:
    document = next(issuing.folder(computed, submitted[0]).glob("*.docx"))
    document.write_bytes(document.read_bytes() + b"x")
    with unchanged(computed), pytest.raises(QxError, match="改动"):
        pipeline.decide(computed, submitted, approved=True, who="统计办")
    assert drafts.read(computed, town.last)["outcome"].isna().all()


def test_only_the_newest_month_unless_a_person_asks(
    new_database: Callable[..., Settings], april: Settings, town: Town
) -> None:
    with Warehouse(new_database(april)) as computed:
        older = town.last - 1
        assert pipeline.draft(computed, older, by="run-1")["why"] == "不是最新发布期"
        asked = str(pipeline.draft(computed, older, by="manual-1", anew=True)["issues"]).split()
        found = pipeline.decide(computed, asked, approved=True, who="统计办", notify="上级要求补发")
        assert found["planned"] == len(MEMBERS)
        with unchanged(computed):
            assert pipeline.decide(computed, asked, approved=True, who="统计办", notify="上级要求补发")["planned"] == 0
