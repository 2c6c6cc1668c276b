"""Checks of a month and reconciliations between sources, from the warehouse, as of any time.

Nothing is stored: both are recomputed from the as-of reads in a fraction of a second, so they can never disagree with
the facts they speak of. Only what every rule said of every file is kept, since the file is judged once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter

from qxmonitor.catalog.checks import checks
from qxmonitor.catalog.permitted_use import permitted_use
from qxmonitor.delivery.files import printed, write_private
from qxmonitor.disclosure.authority import Authority
from qxmonitor.errors import DisclosureError, QxError
from qxmonitor.period import Period
from qxmonitor.quality import cross, mirror
from qxmonitor.warehouse import Warehouse, asof, cells, sql
from qxmonitor.warehouse.core import FOREVER
from qxmonitor.warehouse.tables import TABLES

Row = dict[str, Any]

PURPOSE = "verification"
"""The purpose for which two sources may be laid side by side, firm by firm."""

KINDS = {
    "mirror": ("returns", "customs"), "bonded": ("customs", "bonded"), "declarations": ("customs", "customs"),
    "self_report": ("returns", "self_report"),
    "approved": ("returns", "approved"), "self_report_approved": ("self_report", "approved"),
}  # fmt: skip
"""Kind of reconciliation → the two sources that its reader must both be allowed to see."""

KIND_NAMES = {
    "mirror": "出口与海关", "bonded": "保税与海关", "declarations": "报关单与海关月度表",
    "self_report": "自报与直报", "approved": "直报与反馈数",
    "self_report_approved": "自报与反馈数",
}  # fmt: skip
"""The kinds in the office's words."""

COLUMNS = ["check", "name", "severity", "entity", "period", "field", "reason", "file", "sheet", "row", "cell",
           "other_period", "other_file", "other_sheet", "other_row", "other_cell"]  # fmt: skip


def flat(found: pd.DataFrame, columns: Sequence[str]) -> list[Row]:
    """Some columns of findings as flat rows."""
    shown = found[list(columns)].to_dict("records")
    return [{str(name): _plain(value) for name, value in row.items()} for row in shown]


def findings(
    wh: Warehouse, period: Period, *, known_at: datetime | None = None, recorded_at: datetime | None = None
) -> pd.DataFrame:
    """Findings about one month: between its rows, its files, the firm's earlier returns.

    Args:
        wh: an open warehouse.
        period: the month.
        known_at: as known then.
        recorded_at: as recorded then.

    Returns:
        One row a finding: check, name, severity, entity, period, field, reason, the cells and figures on both sides.
    """
    recorded_at = recorded_at or wh.newest_recorded()
    frames = {
        table: asof.read(
            wh, table, first=period - cross.WINDOW, last=period, known_at=known_at, recorded_at=recorded_at
        )
        for table in cross.FORMS
    }
    spans = (known_at or FOREVER, recorded_at or FOREVER, str(period), str(period))
    twice = [cross.duplicate_filings(table, wh.frame(sql.query("filings", table=table), *spans)) for table in frames]
    filled = [part for part in (cross.find(frames, period), *twice) if len(part)]
    found = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=cross.FINDING)
    named = cells.places(wh, found)
    totals = _totals(wh, period, known_at, recorded_at)
    whole = pd.concat([part for part in (named, totals) if len(part)]) if len(named) + len(totals) else named
    whole = whole.reindex(columns=list(dict.fromkeys([*named.columns, *totals.columns])))
    names = {entry.id: entry.name for entry in checks().checks}
    return whole.assign(name=whole["check"].map(names)).reset_index(drop=True)


def counts(wh: Warehouse, period: Period, *, known_at: datetime | None = None) -> dict[str, int]:
    """Findings of a month by the check's Chinese name, the most frequent first."""
    found = findings(wh, period, known_at=known_at)["name"].value_counts()
    return {str(name): int(count) for name, count in found.items()}


def summaries(
    wh: Warehouse,
    *,
    first: Period | None = None,
    last: Period | None = None,
    known_at: datetime | None = None,
    recorded_at: datetime | None = None,
) -> pd.DataFrame:
    """What every rule said of every known file; files of no single month are there when no first month is named."""
    spans = (str(first or ""), str(last or "9999-99"))
    return wh.frame(sql.query("verdict_summaries"), known_at or FOREVER, recorded_at or FOREVER, *spans)


# -- reconciliation ------------------------------------------------------------------------------------------------


def reconcile(
    wh: Warehouse,
    period: Period,
    *,
    kind: str | None = None,
    reader: str = "stats",
    known_at: datetime | None = None,
) -> mirror.Reconciled:
    """Gaps between sources in one month, firm by firm, with the rows on both sides.

    Args:
        wh: an open warehouse.
        period: the month.
        kind: of :data:`KINDS`; all that the reader may see by default.
        reader: for whom; must have firm-level rights on both sources for verification.
        known_at: as known then.

    Returns:
        Gaps, each with what the month's checks found of the same firm (``also``) and where each side stands
        (``left_rows``, ``right_rows``); and the rows on both sides, with ``file`` and ``cell``.

    Raises:
        QxError: no such kind, or the reader may not see both sources firm by firm.
    """
    if kind is not None and kind not in KINDS:
        raise QxError(f"没有这种核对：{kind[:40]}，可选 {'、'.join(KINDS)}")
    recorded_at = wh.newest_recorded()
    times: Any = {"known_at": known_at, "recorded_at": recorded_at}
    authorisations = asof.read(wh, "authorisation", **times)
    may = _allowed(reader, authorisations)
    wanted = [kind] if kind else [name for name in KINDS if may[name]]
    if not wanted or not all(may[name] for name in wanted):
        raise QxError("该接收单位无权逐户同时查看两个来源，不能核对")
    january = Period(f"{period.year}-01")
    returns = asof.read(wh, "output_return", first=period, last=period, **times)
    trade = asof.read(wh, "trade_line", first=january, last=period, **times)
    parts = []
    if "mirror" in wanted:
        parts.append(mirror.exports(returns, trade, period))
    if "bonded" in wanted:
        parts.append(mirror.bonded(trade, asof.read(wh, "bonded_line", first=period, last=period, **times), period))
    if "declarations" in wanted:
        declared = asof.read(wh, "declaration_line", first=period, last=period, **times)
        parts.append(mirror.declarations(trade, declared, period))
    if {"self_report", "self_report_approved"} & set(wanted):
        reports = asof.read(wh, "self_report", first=period, last=period, **times)
        granted = _granted(reader, authorisations, period)
    if {"approved", "self_report_approved"} & set(wanted):
        figures = asof.read(wh, "approved_figure", **times)
        figures = figures[figures["period"] == period]
        above_scale = _above_scale(wh, period, times)
    if "self_report" in wanted:
        parts.append(mirror.own_report(returns, reports, period, granted))
    if "approved" in wanted:
        parts.append(mirror.approved(returns, figures, period, above_scale))
    if "self_report_approved" in wanted:
        parts.append(mirror.own_approved(reports, figures, period, above_scale, granted))
    found = mirror.together(parts)
    odd = findings(wh, period, known_at=known_at, recorded_at=recorded_at)
    odd = odd.drop_duplicates(["entity", "name"])
    named = {str(entity): "、".join(names) for entity, names in odd.groupby("entity")["name"]}
    also = [named.get(str(entity), "") for entity in found.gaps["entity"]]
    found = mirror.Reconciled(found.gaps.assign(also=also), found.details)
    details = cells.places(wh, found.details)
    return mirror.Reconciled(_sided(found.gaps, details), details)


def _above_scale(wh: Warehouse, period: Period, times: dict[str, Any]) -> pd.Index:
    """Firms that the register lists as above scale in a month."""
    entries = asof.read(wh, "register_entry", **times)
    since, until = (entries[name].astype("str").fillna("") for name in ("since", "until"))
    listed = (since <= period) & ((until == "") | (until >= period)) & entries["above_scale"].astype(bool)
    subjects: list[str] = entries.loc[listed, "subject"].tolist()
    return pd.Index(subjects)


def _sided(gaps: pd.DataFrame, details: pd.DataFrame) -> pd.DataFrame:
    """Gaps with ``left_rows`` and ``right_rows``: files, sheets and rows behind each side, or that there is none."""
    key = ["kind", "entity", "item"]
    named = details.assign(file=details["file"].astype(str))
    spots = named.groupby([*key, "side", "file"])[["sheet", "row"]].apply(_spots)
    joined = spots.reset_index(name="spot") if len(spots) else named[[*key, "side", "file"]].assign(spot="")
    joined = joined.assign(spot=joined["file"] + " " + joined["spot"])
    said = joined.groupby([*key, "side"])["spot"].apply("；".join)
    wanted = pd.MultiIndex.from_frame(gaps[key])
    sides = {side: said[said.index.get_level_values("side") == side].droplevel("side") for side in ("left", "right")}
    return gaps.assign(
        **{f"{side}_rows": mine.reindex(wanted).fillna("没有该企业的行").to_numpy() for side, mine in sides.items()}
    )


def _allowed(reader: str, authorisations: pd.DataFrame) -> dict[str, bool]:
    try:
        authority = Authority((reader,), PURPOSE, authorisations)
    except DisclosureError as error:
        raise QxError(str(error)) from None
    return {kind: all(authority.right(source) == "firm" for source in pair) for kind, pair in KINDS.items()}


def _granted(reader: str, authorisations: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Firm × item of the self-report that the reader may look at in a month."""
    _, bound = permitted_use().right("self_report", reader, PURPOSE)
    rows = authorisations[["subject", "items", "readers", "since", "until"]].astype(object)
    rows = rows.where(rows.notna(), "").astype(str)
    covers = (rows["since"] != "") & (rows["since"] <= period) & ((rows["until"] == "") | (rows["until"] >= period))
    rows = rows[covers]
    if bound:
        rows = rows[rows["readers"].str.split("、").map(lambda ids: reader in ids).astype(bool)]
    granted = rows.assign(item=rows["items"].str.split("、")).explode("item")
    return granted.rename(columns={"subject": "entity"})[["entity", "item"]].drop_duplicates()


# -- control totals ---------------------------------------------------------------------------------------------------


def _totals(wh: Warehouse, period: Period, known_at: datetime | None, recorded_at: datetime | None) -> pd.DataFrame:
    """Files of the month whose 合计 line was off when they were judged: that line, and the lines it is the sum of."""
    said = summaries(wh, first=period, last=period, known_at=known_at, recorded_at=recorded_at)
    off = said[(said["rule"] == "file.total_off") & (said["unexpected"] > 0)]
    if off.empty:
        return pd.DataFrame()
    mine = said[said["file_id"].isin(off["file_id"]) & said["fact_table"].isin(list(TABLES))]
    tables = sorted(mine["fact_table"].unique())
    lines = pd.concat([wh.frame(sql.query("file_rows", table=table), str(period)) for table in tables])
    lines = lines[lines["file_id"].isin(off["file_id"])].drop_duplicates()
    total = lines["total"].astype(bool)
    sheets = lines[total].groupby("file_id")["sheet"].apply(lambda names: "、".join(sorted(set(names))))
    summed = lines[~total].groupby("file_id")[["sheet", "row"]].apply(_spots)
    entry, ids = checks().by_id["control_total"], off["file_id"]
    paths = wh.frame(sql.query("file_cells")).set_index("file_id")["file"]
    return pd.DataFrame(
        {
            "check": entry.id, "severity": entry.severity, "entity": "", "period": off["period"], "field": "合计行",
            "reason": entry.reason, "file": ids.map(paths), "sheet": ids.map(sheets), "row": None,
            "cell": off["places"].map(lambda text: "、".join(json.loads(text))),
            "other_period": off["period"], "other_file": ids.map(paths), "other_sheet": ids.map(sheets),
            "other_row": None, "other_cell": ids.map(summed) + "之和", "value": None, "other_value": None,
        }
    ).reset_index(drop=True)  # fmt: skip


def _spots(rows: pd.DataFrame) -> str:
    """Sheets and rows as ``Sheet1 第4—60行``."""
    parts = rows.groupby("sheet")["row"].apply(cells.spans)
    return "、".join(f"{sheet} 第{text}行".lstrip() for sheet, text in parts.items())


def _plain(value: Any) -> Any:
    if value is None or pd.isna(value):
        return None
    return value.item() if hasattr(value, "item") else value


def rows(frame: pd.DataFrame) -> list[Row]:
    """Flat rows of gaps or details."""
    shown = frame.drop(columns=["file_id", "column"], errors="ignore")
    return [{str(name): _plain(value) for name, value in row.items()} for row in shown.to_dict("records")]


def write_xlsx(wh: Warehouse, found: mirror.Reconciled, period: Period, out: Path) -> None:
    """Write gaps and the rows on both sides as a workbook that only its owner reads.

    Raises:
        QxError: the file cannot be written.
    """
    simulated = wh.frame(sql.query("origin"))["value"].eq("simulated").any()
    title = f"{period.label}来源核对{'（模拟数据）' if simulated else ''}　统计渠道内部使用，不得外传"
    buffer = BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
                                        "strings_to_numbers": False})  # fmt: skip
    bold = book.add_format({"bold": True})
    for name, words, frame in (("差异", _GAP_WORDS, found.gaps), ("两边各行", _DETAIL_WORDS, found.details)):
        page = book.add_worksheet(name)
        page.write_string(0, 0, title, bold)
        page.write_row(1, 0, list(words.values()), bold)
        for at, column in enumerate(words):
            told = frame[column].map(KIND_NAMES) if column == "kind" else frame[column]
            cells = [_plain(value) for value in told.tolist()]
            page.write_column(2, at, ["" if cell is None else cell for cell in cells])
        page.freeze_panes(2, 0)
        page.repeat_rows(1)
        page.set_column(0, len(words) - 1, 20)
        printed(page)
    book.close()
    try:
        write_private(out, buffer.getvalue())
    except OSError as error:
        raise QxError(f"文件无法写入：{out}（{error.strerror}）") from None


_GAP_WORDS = {
    "kind": "核对", "entity": "统一社会信用代码（town 为全镇）", "period": "所属期", "item": "指标", "basis": "口径",
    "unit": "单位",
    "left_source": "来源一", "left": "来源一数", "right_source": "来源二", "right": "来源二数", "gap": "差",
    "tolerance": "容差", "reason": "说明", "also": "同期其他疑问",
    "left_rows": "来源一各行", "right_rows": "来源二各行",
}  # fmt: skip
_DETAIL_WORDS = {
    "kind": "核对", "entity": "统一社会信用代码", "item": "指标", "source": "来源", "period": "所属期", "file": "文件",
    "sheet": "工作表", "row": "行", "cell": "单元格", "value": "数",
}  # fmt: skip
