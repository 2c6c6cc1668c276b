"""Data Docs: what every rule said of every file, as pages that anyone on the office's network may open.

The linked site is made from stored summaries and holds no value and no name, of a firm, a file or a sheet. The full one
is made from the originals and shows what offends; it lies under the home, where figures lie, and is linked nowhere.
"""

from __future__ import annotations

import json
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from qxmonitor import intake, validation
from qxmonitor.catalog.release import release_calendar
from qxmonitor.delivery.files import write_private
from qxmonitor.errors import QxError
from qxmonitor.feeds.base import Batch
from qxmonitor.feeds.rulings import Book, rulings_of
from qxmonitor.period import SHANGHAI, Period
from qxmonitor.quality import docs
from qxmonitor.quality.suites import WHOLE_FILE
from qxmonitor.settings import ROOT, Settings
from qxmonitor.warehouse import Warehouse, sql, store
from qxmonitor.warehouse.core import FOREVER
from qxmonitor.warehouse.tables import TABLES

Row = dict[str, Any]

OTHER = "other"
"""Name of the page of files that speak of no single month."""

_KINDS = {"register": "企业名录", "reference": "参考序列"}
_REFUSED_SHOWN = 100


def folder(settings: Settings) -> Path:
    """Where the linked site of an installation lies."""
    return settings.home / "quality"


def full_folder(settings: Settings) -> Path:
    """Where the full site lies: with the figures, for the statistical channel."""
    return settings.home / "statistical" / "quality"


def build(wh: Warehouse, out: Path, *, known_at: datetime | None = None) -> list[Row]:
    """Write the value-free site; pages of files and months with nothing new are kept, so a second call is quick.

    Args:
        wh: an open warehouse.
        out: its folder, made when missing.
        known_at: as known then.

    Returns:
        ``path`` of every page written.

    Raises:
        QxError: it cannot be written.
    """
    recorded_at = wh.newest_recorded()
    said = store.local(validation.summaries(wh, known_at=known_at, recorded_at=recorded_at))
    said = said.assign(month=said["period"].where(said["period"] != "", OTHER), good=said["unexpected"] == 0,
                       soft=said["severity"] != "critical")  # fmt: skip
    broken_first = said.sort_values(["month", "known_at", "sha256", "good", "soft", "fact_table", "rule"])
    every: list[Row] = broken_first.to_dict("records")  # type: ignore[assignment]
    origin = wh.frame(sql.query("origin"))["value"]
    common = {
        "label": "模拟数据　" if origin.eq("simulated").any() else "",
        "made": _day(known_at or wh.settings.now()),
    }
    pages: dict[str, str] = {}
    for month, of_month in groupby(every, key=itemgetter("month")):
        files = []
        for _, of_file in groupby(of_month, key=itemgetter("file_id")):
            rows = list(of_file)
            file = _file(rows)
            files.append(file)
            if file["page"] and not (out / file["page"]).exists():
                pages[file["page"]] = _great_expectations(file, rows)
        new = known_at is not None or not (out / f"{month}.html").exists()
        if new or any(file["page"] in pages for file in files):
            pages[f"{month}.html"] = _render("month", words=_words(month), files=files[::-1], **common)
    pages["index.html"] = _render(
        "index", months=_months(said), refused=_refused(wh, known_at, recorded_at),
        findings=_findings(wh, known_at), **common,
    )  # fmt: skip
    return _write(out, pages)


def build_full(wh: Warehouse, out: Path, period: Period, *, known_at: datetime | None = None) -> list[Row]:
    """Write Great Expectations' Data Docs of a month's files from their originals, offending values included.

    Args:
        wh: an open warehouse.
        out: its folder, closed to all but its owner.
        period: the month.
        known_at: as known then.

    Raises:
        QxError: it cannot be written, or nothing is known of the month.
    """
    said = store.local(validation.summaries(wh, first=period, last=period, known_at=known_at))
    if said.empty:
        raise QxError(f"{period.label}没有已知的文件，无法生成校验报告")
    pages: dict[str, str] = {}
    entries = []
    for file in said.drop_duplicates("file_id").to_dict("records"):
        book = Book(rulings_of(file["reading"]))
        (outcome,) = intake.read_kept([wh.files.path(file["sha256"])], books=[book])
        if not isinstance(outcome, Batch):
            continue  # read once and not any more: a reader became stricter since
        for table, frame in outcome.tables.items():
            if len(frame):
                name = f"files/{file['sha256'][:12]}-{table}.html"
                pages[name] = docs.page_of_rows(_key(file["sha256"]), file["known_at"].isoformat(), table, frame)
                entries.append({**_head(file), "page": name, "rules": []})
    label = "含数值，统计渠道内部使用，不得外传　"
    pages["index.html"] = _render("month", words=period.label, files=entries, label=label, made=_day(wh.settings.now()))
    return _write(out, pages)


def _file(rows: list[Row]) -> Row:
    """One file's part of a month's page; rules that were broken come first."""
    first = rows[0]
    listed = [row | {"places": _places(row["places"])} for row in rows]
    judged = any(row["fact_table"] in TABLES for row in rows)
    return {**_head(first), "rules": listed, "page": f"files/{first['sha256'][:12]}.html" if judged else ""}


def _head(first: Any) -> Row:
    entry = release_calendar().by_feed.get(first["feed"])
    kind = entry.name if entry else _KINDS.get(first["feed"], "其他文件")
    return {"kind": kind, "key": _key(first["sha256"]), "known": _day(first["known_at"]), "lines": first["rows_read"]}


def _key(sha256: str) -> str:
    """How a file is called where its name must not stand: the name may hold a firm's."""
    return f"文件 {sha256[:12]}"


def _great_expectations(file: Row, rows: list[Row]) -> str:
    tables = [*sorted({row["fact_table"] for row in rows} & set(TABLES)), WHOLE_FILE]
    when = rows[0]["known_at"].isoformat()
    return "\n".join(
        docs.page_of_counts(file["key"], when, table, [row for row in rows if row["fact_table"] == table])
        for table in tables
    )


def _months(said: pd.DataFrame) -> list[Row]:
    found = []
    for month, rows in said.groupby("month", sort=True):
        sums = rows.groupby("severity")["unexpected"].sum()
        critical, warning = int(sums.get("critical", 0)), int(sums.get("warning", 0))
        files = rows.drop_duplicates("file_id")
        found.append({
            "name": month, "words": _words(str(month)), "files": len(files), "lines": int(files["rows_read"].sum()),
            "critical": critical, "warning": warning,
            "mark": "critical" if critical else ("warning" if warning else ""),
        })  # fmt: skip
    return found[::-1]


def _refused(wh: Warehouse, known_at: datetime | None, recorded_at: datetime | None) -> list[Row]:
    """Refusals by day and reason. A reason that quotes the file (after a quotation mark or colon) is cut there."""
    rows = store.local(wh.frame(sql.query("refused"), known_at or FOREVER, recorded_at or FOREVER))
    if rows.empty:
        return []
    reason = rows["reasons"].map(lambda text: "；".join(json.loads(text))).astype("str")
    plain = reason.str.replace(r"“[^”]*”", "“…”", regex=True).str.replace(r"[:：].*$", "", regex=True).str.slice(0, 80)
    frame = pd.DataFrame({"day": rows["known_at"].dt.strftime("%Y-%m-%d"), "reason": plain})
    counted = frame.groupby(["day", "reason"]).size().rename("files").reset_index()
    listed: list[Row] = counted.sort_values(["day", "reason"], ascending=[False, True]).to_dict("records")  # type: ignore[assignment]
    return listed[:_REFUSED_SHOWN]


def _findings(wh: Warehouse, known_at: datetime | None) -> Row | None:
    period = release_calendar().newest_released(known_at or wh.settings.now())
    counts = validation.counts(wh, period, known_at=known_at)
    return {"words": period.label, "counts": counts} if counts else None


def _places(text: str) -> str:
    places = json.loads(text)
    return "、".join(places[:8]) + ("…" if len(places) > 8 else "")


def _words(month: str) -> str:
    return "不分月份的文件" if month == OTHER else Period(month).label


def _day(moment: datetime) -> str:
    return moment.astimezone(SHANGHAI).strftime("%Y-%m-%d")


def _render(name: str, **view: Any) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOT / "templates"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    return environment.get_template(f"quality/{name}.html.j2").render(**view)


def _write(out: Path, pages: dict[str, str]) -> list[Row]:
    try:
        for name, text in pages.items():
            write_private(out / name, text.encode())
    except OSError as error:
        raise QxError(f"校验报告无法写入：{out}（{error.strerror}）") from None
    return [{"path": str(out / name)} for name in pages]
