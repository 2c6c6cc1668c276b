"""Letters to firms: 数据查询函 about doubtful figures, 催报函 about late returns, and what became of each.

A value changes only by a re-filed return, so a doubt about it becomes a question to the firm. What is asked is read as
of one moment; an item is asked once, whatever file it stands in; whether it is settled follows from the facts. Letters
hold returns: for the statistics office, which hands each to its own firm. No mail is sent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qxmonitor import validation
from qxmonitor.calendar import DatumState
from qxmonitor.catalog.items import items as form_items
from qxmonitor.catalog.office import office
from qxmonitor.catalog.release import release_calendar
from qxmonitor.catalog.workdays import workdays
from qxmonitor.delivery.files import letter_name, write_private
from qxmonitor.delivery.letters import KINDS, Item, Letter, day, index_xlsx, letter_docx
from qxmonitor.disclosure.cleared import one_line
from qxmonitor.errors import QxError
from qxmonitor.period import SHANGHAI, Period
from qxmonitor.quality.cross import FORMS as CHECKED
from qxmonitor.warehouse import Warehouse, asof, sql
from qxmonitor.warehouse import letters as record
from qxmonitor.warehouse.panel import read_panel

Row = dict[str, Any]

FORMS = (*(form for form in CHECKED.values() if form != "self_report"), "b204_detail")
"""Statistical returns. 企业自报 is none: its departments ask about it. No firm filed customs' figures."""

OPEN, ANSWERED, CORRECTED, HERE, OVERDUE = "待答复", "已答复", "已更正", "已补报", "逾期未答"
"""States of a letter. Corrected, or here after an urge: none of its items is in the facts any more."""

COLUMNS = [
    "number", "kind", "period", "entity", "name", "supplement_to", "items", "open_items", "issued", "answer_by",
    "state", "verified", "answers", "known_at",
]  # fmt: skip
_UNITS = {"money": "千元", "power": "万千瓦时", "persons": "人"}
_OPEN_ITEM = ["kind", "period", "entity", *record.ITEM]
_OTHERS = "（略）"
_LONGEST_TEXT = 80


def issue(
    wh: Warehouse, period: Period, out: Path, *, kinds: Sequence[str] = tuple(KINDS), known_at: datetime | None = None
) -> Row:
    """Write letters about what no letter asked yet, then print all letters of the month and their index.

    Args:
        wh: an open warehouse.
        period: the month.
        out: the folder; a private one named by the month is made in it.
        kinds: of :data:`KINDS`.
        known_at: as known then; the day on the letters. None is now.

    Returns:
        period, how many letters are ``new`` and how many there are (``letters``), ``path`` of the folder. No firm.

    Raises:
        QxError: a time to come, or the folder cannot be written.
    """
    now = wh.settings.now()
    when = known_at or now
    if when > now:
        raise QxError("发函时间不能晚于现在")
    found = [open_items(wh, period, kind, when, wh.newest_recorded()) for kind in kinds]
    issued = when.astimezone(SHANGHAI).date()
    asked = _addressed(wh, pd.concat(found, ignore_index=True), issued, when)
    new = record.issue(wh, asked, _number, known_at=when, issued=issued)
    printed = _print(wh, period, out, kinds, when)
    return {"period": str(period), "new": new, "letters": printed, "path": str(out / str(period))}


def _number(kind: str, year: int, serial: int) -> str:
    form = office().letters
    marks = {str(key): mark for key, mark in form.marks.items()}
    return form.number.format(mark=marks[kind], year=year, serial=serial)


def _addressed(wh: Warehouse, found: pd.DataFrame, issued: date, when: datetime) -> pd.DataFrame:
    """The items with what their letter needs beside them: the firm's name, the issuer, the day of the answer."""
    names = asof.read(wh, "register_entry", known_at=when).set_index("subject")["name"]
    own = {entity: one_line(str(name), 60) or entity for entity, name in names.items()}
    by = {str(kind): workdays().later(issued, count) for kind, count in office().letters.answer_workdays.items()}
    return found.assign(
        name=found["entity"].map(own), issuer=office().issuer, simulated=_simulated(wh),
        answer_by=found["kind"].map(by),
    )  # fmt: skip


def _print(wh: Warehouse, period: Period, out: Path, kinds: Sequence[str], when: datetime) -> int:
    """Print the letters of the month and kinds from their records, and the index of all; again after a kill."""
    folder = out / str(period)
    try:
        with wh.alone(record.LOCK_PRINT):
            _private(folder)
            rows = listing(wh, period=period, known_at=when)
            heads = record.letters(wh).set_index("number").to_dict("index")
            by_number = {str(number): part for number, part in record.items(wh).groupby("number", sort=False)}
            said = record.answers(wh, when).groupby("number")["said"].agg("；".join).to_dict()
            index = [
                row | {"kind_name": KINDS[row["kind"]], "answer": said.get(row["number"], ""),
                       "issued": day(row["issued"]), "answer_by": day(row["answer_by"])}
                for row in rows
            ]  # fmt: skip
            printed = [row for row in rows if row["kind"] in kinds]
            for row in printed:
                letter = _letter(row["number"], heads[row["number"]], by_number[row["number"]])
                write_private(folder / letter_name(letter.number, letter.name), letter_docx(letter))
            book = index_xlsx(index, period, when.astimezone(SHANGHAI), simulated=_simulated(wh))
            write_private(folder / f"函件目录_{period}.xlsx", book)
    except OSError as error:
        raise QxError(f"函件无法写入：{folder}（{error.strerror}）") from None
    return len(printed)


def _private(folder: Path) -> None:
    for part in reversed([p for p in (folder, *folder.parents) if not p.exists()]):
        part.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink():
        raise QxError(f"文件夹是链接，拒绝写入：{folder}")
    folder.chmod(0o700)


def _letter(number: str, head: dict[Any, Any], lines: pd.DataFrame) -> Letter:
    columns = ["form", "spot", "field", "problem", "reported", "asked"]
    return Letter(
        number=number, kind=head["kind"], period=Period(head["period"]), name=head["name"],
        supplement_to=head["supplement_to"] if isinstance(head["supplement_to"], str) else "",
        issuer=head["issuer"], simulated=bool(head["simulated"]), issued=head["issued"], answer_by=head["answer_by"],
        items=tuple(Item(**{str(k): str(v) for k, v in line.items()}) for line in lines[columns].to_dict("records")),
    )  # fmt: skip


# -- what is asked -------------------------------------------------------------------------------------------------


def open_items(
    wh: Warehouse, period: Period, kind: str, known_at: datetime, recorded_at: datetime | None
) -> pd.DataFrame:
    """What is to be asked about a month as of a time, asked before or not: kind, period, entity and a letter's items.

    Args:
        wh: an open warehouse.
        period: the month.
        kind: of :data:`KINDS`.
        known_at: as known then; lateness is judged by that moment.
        recorded_at: as recorded then.
    """
    if recorded_at is None:
        return pd.DataFrame(columns=_OPEN_ITEM)
    if kind == "urge":
        found = _late(wh, period, known_at, recorded_at)
    else:
        parts = [_refused(wh, period, known_at, recorded_at), _doubted(wh, period, known_at, recorded_at)]
        found = pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)
        found = _nobody_else(wh, found, known_at, recorded_at)
        same = found.groupby(["entity", "key"]).cumcount()
        found = found.assign(key=found["key"].where(same == 0, found["key"] + "#" + (same + 1).astype(str)))
    return found.assign(kind=kind, period=str(period))[_OPEN_ITEM].sort_values("entity", kind="stable")


def _late(wh: Warehouse, period: Period, known_at: datetime, recorded_at: datetime) -> pd.DataFrame:
    """Returns due and not here, form by form; the panel's own states, as the receipts board shows them."""
    panel = read_panel(wh, period, months=1, known_at=known_at, recorded_at=recorded_at)
    today = known_at.astimezone(SHANGHAI).date()
    parts = []
    for form in (form for form in FORMS if form in panel.states and release_calendar().feed(form).returns_in(period)):
        calendar = release_calendar().feed(form)
        due = calendar.due_date(period)
        since = calendar.due(period).astimezone(SHANGHAI).date()
        parts.append(
            pd.DataFrame(
                {
                    "entity": panel.firms.index[panel.states[form][:, -1] == DatumState.LATE].astype(object),
                    "key": f"late|{form}",
                    "form": calendar.name,
                    "spot": "",
                    "field": day(due),
                    "problem": f"{day(since)}起逾期未报",
                    "reported": f"{workdays().between(since, today)}个工作日",
                    "asked": "补报",
                }
            )
        )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["entity", *record.ITEM])


def _refused(wh: Warehouse, period: Period, known_at: datetime, recorded_at: datetime) -> pd.DataFrame:
    rows = record.refused(wh, str(period), known_at, recorded_at)
    rows = rows[rows["form"].isin(FORMS)].astype(object)
    rows = rows.where(rows.notna(), "")
    raw = rows["raw"].astype(str)
    place = [_spot(sheet, f"第{row}行") for sheet, row in zip(rows["sheet"], rows["row"], strict=True)]
    return pd.DataFrame(
        {
            "entity": rows["entity"], "key": rows["form"] + "|" + rows["rule"] + "|" + rows["field"] + "|" + raw,
            "form": rows["form"].map(_title), "spot": place, "field": rows["field"], "problem": rows["reason"],
            "reported": raw.mask(raw == "", "（空）"), "asked": "更正后重报",
        }
    )  # fmt: skip


def _doubted(wh: Warehouse, period: Period, known_at: datetime, recorded_at: datetime) -> pd.DataFrame:
    """Findings, with the figure each is held against where that is the firm's own."""
    found = validation.findings(wh, period, known_at=known_at, recorded_at=recorded_at)
    rows = _keyed(wh, found[found["entity"].astype(str) != ""])
    if rows.empty:
        return pd.DataFrame(columns=["entity", *record.ITEM])
    value, other = rows["reported"], rows["against"]
    months = rows["other_period"].map(lambda text: Period(str(text)).label, na_action="ignore").astype(str)
    places = zip(rows["sheet"], rows["cell"].astype(str), strict=True)
    asked = pd.DataFrame(
        {
            "entity": rows["entity"], "key": rows["key"], "form": rows["form"].map(_title),
            "spot": [_spot(sheet, f"第{cell}行" if cell.isdigit() else cell) for sheet, cell in places],
            "field": rows["field"],
            "problem": rows["reason"] + ("；对照" + months + "：" + other).where(other != "", ""),
            "reported": value.mask(value == "", "见原表"),
            "asked": np.where(rows["severity"] == "critical", "核对后更正或说明", "核实说明"),
        }
    )  # fmt: skip
    return asked[rows["form"].isin(FORMS)].astype(object)


def _keyed(wh: Warehouse, found: pd.DataFrame) -> pd.DataFrame:
    """Findings with their form, the firm's figure, its own figure it is held against, and the item's key."""
    feeds = wh.frame(sql.query("file_feeds")).set_index("file_id")["feed"]
    form = found["file_id"].map(feeds).astype(object).fillna("").astype(object)
    units = {item.id: _UNITS[item.kind] for item in form_items().items}
    unit = found["item"].map(units).astype(object).fillna("").astype(object)
    value = _figures(found["value"], unit)
    against = _figures(found["other_value"], unit).mask(found["check"] == "copied_firm", "")
    key = form + "|" + found["check"].astype(object) + "|" + found["field"].astype(object) + "|" + value
    return found.assign(form=form, reported=value, against=against, key=key + "|" + against)


def check(wh: Warehouse, period: Period, *, known_at: datetime | None = None, values: bool = False) -> list[Row]:
    """The findings of a month, each with the letter in which its figure was verified (``explained``).

    Args:
        wh: an open warehouse.
        period: the month.
        known_at: as known then.
        values: with the figures on both sides; for the statistics office only.

    Returns:
        :data:`qxmonitor.validation.COLUMNS` and ``explained``.
    """
    found = validation.findings(wh, period, known_at=known_at)
    columns = [*validation.COLUMNS, *(["value", "other_value"] if values else []), "explained"]
    return validation.flat(found.assign(explained=explained(wh, found, known_at)), columns)


def explained(wh: Warehouse, found: pd.DataFrame, known_at: datetime | None = None) -> list[str]:
    """For each finding the letter in whose newest answer the firm's figure was verified (已核实); else empty.

    Args:
        wh: an open warehouse.
        found: findings of a month with all their columns (:func:`qxmonitor.validation.findings`).
        known_at: as known then; None is now.
    """
    when = known_at or wh.settings.now()
    newest = record.answers(wh, when).drop_duplicates("number", keep="last")
    lines = record.items(wh, when)
    lines = lines[lines["number"].isin(newest.loc[newest["verified"].astype(bool), "number"])]
    by_key = {
        tuple(map(str, key)): str(number)
        for *key, number in zip(lines["period"], lines["entity"], lines["key"], lines["number"], strict=True)
    }
    if not by_key or found.empty:
        return [""] * len(found)
    keys = zip(found["period"], found["entity"], _keyed(wh, found)["key"], strict=True)
    return [by_key.get(tuple(map(str, key)), "") for key in keys]


def _figures(values: pd.Series, units: pd.Series) -> pd.Series:
    """Figures as printed, in the warehouse's unit; empty where there is none."""
    numbers = pd.to_numeric(values, errors="coerce")
    shown = numbers.map(lambda number: f"{number:.4f}".rstrip("0").rstrip("."), na_action="ignore")
    return (shown.astype(object) + units).where(numbers.notna(), "").astype(object)


def _title(form: str) -> str:
    return release_calendar().feed(form).name if form in release_calendar().by_feed else form


def _spot(sheet: Any, place: str) -> str:
    return f"{sheet}!{place}" if isinstance(sheet, str) and sheet else place


def _nobody_else(wh: Warehouse, found: pd.DataFrame, known_at: datetime, recorded_at: datetime) -> pd.DataFrame:
    """Texts on one short line, without the name or code of any other firm that a file may have put there."""
    register = asof.read(wh, "register_entry", known_at=known_at, recorded_at=recorded_at)[["subject", "name"]]
    own = {code: {code, name} for code, name in zip(register["subject"], register["name"].astype(str), strict=True)}
    called = sorted({word for pair in own.values() for word in pair if len(word) > 3}, key=len, reverse=True)
    if not called or found.empty:
        return found
    words = re.compile("|".join(map(re.escape, called)))

    def clean(entity: str, text: str) -> str:
        mine = own.get(entity, set())
        return one_line(words.sub(lambda hit: hit[0] if hit[0] in mine else _OTHERS, text), _LONGEST_TEXT)

    texts = {
        column: [clean(entity, str(text)) for entity, text in zip(found["entity"], found[column], strict=True)]
        for column in ("spot", "field", "problem", "reported")
    }
    return found.assign(**texts)


def _simulated(wh: Warehouse) -> bool:
    origin = wh.arrow(sql.query("origin")).to_pylist()
    return bool(origin) and origin[0]["value"] == "simulated"


# -- what became of it ---------------------------------------------------------------------------------------------


def listing(
    wh: Warehouse,
    *,
    period: Period | None = None,
    only_open: bool = False,
    known_at: datetime | None = None,
    recorded_at: datetime | None = None,
) -> list[Row]:
    """Letters with their state as known then, in the order of their numbers.

    Args:
        wh: an open warehouse.
        period: only of this month.
        only_open: only those that wait for an answer, in time or not.
        known_at: as known then; None is now.
        recorded_at: as recorded then; None is newest.

    Returns:
        :data:`COLUMNS`: ``items`` asked and ``open_items`` of them that the facts still show, ``verified`` whether the
        newest answer says that the figures are right.
    """
    when = known_at or wh.settings.now()
    letters, lines, answers = (read(wh, when, recorded_at) for read in (record.letters, record.items, record.answers))
    recorded_at = recorded_at or wh.newest_recorded()
    if period is not None:
        letters = letters[letters["period"] == str(period)]
    months = letters[["kind", "period"]].drop_duplicates()
    pairs = zip(months["kind"], months["period"], strict=True)
    still = [open_items(wh, Period(month), kind, when, recorded_at)[record.ASKED] for kind, month in pairs]
    standing = pd.concat(still).assign(standing=True) if still else pd.DataFrame(columns=[*record.ASKED, "standing"])
    lines = lines.merge(standing.astype({"standing": bool}), on=record.ASKED, how="left", validate="m:1")
    asked = lines.groupby("number")["key"].size()
    left = lines[lines["standing"].notna()].groupby("number")["key"].size()
    newest = answers.drop_duplicates("number", keep="last").set_index("number")
    frame = letters.assign(
        items=letters["number"].map(asked).fillna(0).astype(int),
        open_items=letters["number"].map(left).fillna(0).astype(int),
        answers=letters["number"].map(answers["number"].value_counts()).fillna(0).astype(int),
        verified=letters["number"].map(newest["verified"]).astype(object).eq(True),
    )
    today = when.astimezone(SHANGHAI).date()
    settled = frame["open_items"] == 0
    late = pd.to_datetime(frame["answer_by"]) < pd.Timestamp(today)
    cases = [settled & (frame["kind"] == "urge"), settled, frame["answers"] > 0, late]
    frame = frame.assign(
        state=np.select(cases, [HERE, CORRECTED, ANSWERED, OVERDUE], OPEN),
        supplement_to=frame["supplement_to"].astype(object).where(frame["supplement_to"].notna(), None),
    )
    if only_open:
        frame = frame[frame["state"].isin([OPEN, OVERDUE])]
    return [{str(key): value for key, value in row.items()} for row in frame[COLUMNS].to_dict("records")]


def counts(
    wh: Warehouse, period: Period, *, known_at: datetime | None = None, recorded_at: datetime | None = None
) -> dict[str, int]:
    """How many letters about a month were written, and what became of them.

    ``issued``; of these ``answered`` by the firm, ``verified`` (the newest answer says that the figures are right),
    ``refiled`` (nothing that was asked is in the facts any more), ``open`` (no answer yet, in time or not).

    Args:
        wh: an open warehouse.
        period: the month.
        known_at: as known then; None is now.
        recorded_at: as recorded then; None is newest.
    """
    rows = listing(wh, period=period, known_at=known_at, recorded_at=recorded_at)
    return {
        "issued": len(rows),
        "answered": sum(row["answers"] > 0 for row in rows),
        "verified": sum(row["verified"] for row in rows),
        "refiled": sum(row["state"] in (CORRECTED, HERE) for row in rows),
        "open": sum(row["state"] in (OPEN, OVERDUE) for row in rows),
    }


def answer(
    wh: Warehouse, number: str, *, text: str, who: str, verified: bool = False, known_at: datetime | None = None
) -> Row:
    """Note a firm's answer to a letter, beside those noted before; the same words again change nothing.

    Args:
        wh: an open warehouse.
        number: as printed; other brackets and leading zeros are understood.
        text: what was answered.
        who: who answered.
        verified: the figures are right as they stand: its findings stay, marked 已核实.
        known_at: since when it is known; None is now.

    Raises:
        QxError: no such letter, no words or no name, or a time before the letter or to come.
    """
    said, by = one_line(text, 500), one_line(who)
    if not said or not by:
        raise QxError("须写明答复内容（--text）和答复人（--who）")
    row = record.answer(
        wh, plain_number(number), said=said, who=by, verified=verified, known_at=known_at, now=wh.settings.now()
    )
    return {"number": row["number"], "who": by, "verified": verified}


def plain_number(number: str) -> str:
    """A number as it is printed, from what a person types.

    >>> plain_number("查[2026]012号"), plain_number(" 催（2026）3 ")
    ('查〔2026〕12号', '催〔2026〕3号')
    """
    found = re.fullmatch(r"\s*(\S)\s*[\[(（〔【［](\d{4})[\])）〕】］]\s*第?0*(\d{1,9})\s*号?\s*", number)
    if found is None:
        return one_line(number, 40)
    return f"{found[1]}〔{found[2]}〕{int(found[3])}号"
