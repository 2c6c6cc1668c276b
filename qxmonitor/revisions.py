"""What changed in a month between two knowledge times: whose figures, why and by how much, and what moved with them.

Both sides are the one as-of read at two times, frozen at one ``recorded_at``: values are two panels compared cell by
cell, places are the fact rows behind them, figures come from the engine run on both panels. So before + change = after
holds for every cell. It shows single firms and is for the statistics office only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.catalog.checks import checks
from qxmonitor.catalog.items import items
from qxmonitor.catalog.release import release_calendar
from qxmonitor.delivery.files import document_name, write_private
from qxmonitor.delivery.revisions import revisions_xlsx
from qxmonitor.disclosure.authority import Authority
from qxmonitor.errors import QxError
from qxmonitor.indicators import changes
from qxmonitor.panel import Panel
from qxmonitor.period import Period
from qxmonitor.scene import HISTORY
from qxmonitor.warehouse import Warehouse, asof, cells, decided, sql
from qxmonitor.warehouse.core import FOREVER
from qxmonitor.warehouse.panel import read_panel

Row = dict[str, Any]

COLUMNS = [
    "what", "kind", "entity_kind", "entity", "name", "period", "source", "measure", "label", "unit",
    "before", "after", "change", "percent", "effect", "filed",
    "before_file", "before_sheet", "before_row", "before_cell", "after_file", "after_sheet", "after_row", "after_cell",
]  # fmt: skip
"""Of every row. ``what``: figure (a firm's), register (a firm's entry) or indicator. ``effect``: of a figure the share
of the town's sum it moves, of a register entry the firm's share in the year's output, of an indicator its change in
percent (a rate's in percentage points), 100 where it came or went. ``filed``: beside a restated 上年同期 what the firm
filed a year ago. Several lines behind a figure are joined: ``4、7—9``."""

_RIGHT_OF = {"rd": "returns", "stock": "bonded"}
"""Source of the panel → the source that permitted use knows, where they differ."""
_REGISTER = {
    "name": "企业名称", "group": "集团", "chain": "产业链", "node": "链节点", "industry": "行业代码",
    "ownership": "经济类型", "since": "纳入时间", "until": "退出时间", "above_scale": "规上",
    "hightech_firm": "高新技术企业", "advanced_mfg": "先进制造业", "hightech_mfg": "高技术制造业",
    "specialised": "专精特新", "doubling": "倍增企业", "listed": "境内上市", "rd_institution": "研发机构",
    "key_firm": "重点企业",
}  # fmt: skip
_ITEM = {"output": "output_m", "export": "export_delivery_m", "employees": "employees"}
"""Item of a self-report → an indicator that its authorisation covers."""
_SHEETS = {
    "customs.import_usd": ("进口额", "美元"), "customs.import_rmb": ("进口额", "元"),
    "customs.export_usd": ("出口额", "美元"), "customs.export_rmb": ("出口额", "元"),
    "bonded.tickets": ("保税单证", "票"), "bonded.tickets_abroad": ("保税单证（中心与境外）", "票"),
    "bonded.tickets_domestic": ("保税单证（中心与境内）", "票"),
    "bonded.in_usd": ("保税入仓", "美元"), "bonded.out_usd": ("保税出仓", "美元"),
    "bonded.in_abroad_usd": ("保税入仓（自境外）", "美元"), "bonded.out_abroad_usd": ("保税出仓（往境外）", "美元"),
    "bonded.in_domestic_usd": ("保税入仓（自境内）", "美元"),
    "bonded.out_domestic_usd": ("保税出仓（往境内）", "美元"),
    "stock.usd": ("保税库存", "美元"), "stock.overdue_usd": ("超期库存", "美元"),
    "stock.aged": ("库存金额乘天数", "美元·天"), "stock.weight": ("有入仓日期的库存", "美元"),
    "power.power_m": ("供电局用电量（本月）", "万千瓦时"), "power.power_ytd": ("供电局用电量（1—本月）", "万千瓦时"),
    "power.power_ly_m": ("供电局用电量（上年同期本月）", "万千瓦时"),
    "power.power_ly_ytd": ("供电局用电量（上年同期1—本月）", "万千瓦时"),
    "rd.rd_expense": ("研究开发费用（年报）", "千元"),
}  # fmt: skip
_KEY = ["entity", "period", "flow"]
_SPOT = [*_KEY, "column"]


@dataclass(frozen=True)
class Side:
    """One of the two states of knowledge.

    Attributes:
        known_at: as known then; None is newest.
        recorded_at: as recorded then, the same on both sides.
        panel: the facts.
        standing: file_id → sha256 of the files that count.
        withdrawn: sha256 of the contents that are withdrawn.
    """

    known_at: datetime | None
    recorded_at: datetime | None
    panel: Panel
    standing: dict[int, str]
    withdrawn: set[str]


def rows(wh: Warehouse, period: Period, *, since: datetime | None = None, until: datetime | None = None) -> list[Row]:
    """What changed in a month between two knowledge times, as flat rows for the statistics office.

    Args:
        wh: an open warehouse.
        period: the month; of sources whose cumulative figures are sums of months, from January on.
        since: the earlier time; the month's release by default.
        until: the later time; newest by default.

    Returns:
        :data:`COLUMNS`: figures by firm, then changes of the register, then indicators of the town, the chains and the
        firms; each by size of effect.

    Raises:
        QxError: the times are the wrong way round.
    """
    return _flat(compare(*_sides(wh, period, since, until), wh, period))


def write(
    wh: Warehouse, period: Period, out: Path, *, since: datetime | None = None, until: datetime | None = None
) -> list[Row]:
    """:func:`rows`, and the same as a workbook in a folder that only its owner reads; raises as they do.

    Raises:
        QxError: the file cannot be written.
    """
    then, now = _sides(wh, period, since, until)
    found = _flat(compare(then, now, wh, period))
    path = out / document_name("数据修订", period, "统计办", "xlsx")
    try:
        write_private(path, revisions_xlsx(period, then.panel.known_at, now.panel.known_at, found, now.panel.simulated))
    except OSError as error:
        raise QxError(f"文件无法写入：{path}（{error.strerror}）") from None
    return found


def _sides(wh: Warehouse, period: Period, since: datetime | None, until: datetime | None) -> tuple[Side, Side]:
    since = since or release_calendar().released_at(period)
    if since >= (until or wh.settings.now()):
        raise QxError("起始时点须早于截止时点")
    recorded_at = wh.newest_recorded()
    then, now = (
        Side(
            known_at, recorded_at,
            read_panel(wh, period, months=HISTORY, known_at=known_at, recorded_at=recorded_at),
            _standing(wh, known_at, recorded_at),
            decided.withdrawn(wh, known_at=known_at, recorded_at=recorded_at),
        )
        for known_at in (since, until)
    )  # fmt: skip
    return then, now


def _standing(wh: Warehouse, known_at: datetime | None, recorded_at: datetime | None) -> dict[int, str]:
    files = wh.frame(sql.query("files_known"), known_at or FOREVER, recorded_at or FOREVER)
    return dict(zip(files["file_id"], files["sha256"], strict=True))


def compare(then: Side, now: Side, wh: Warehouse, period: Period) -> pd.DataFrame:
    """:data:`COLUMNS` of two states of knowledge."""
    parts = [
        _figures(then, now, wh, period), _register(then, now, wh, period), changes.moved(then.panel, now.panel, period)
    ]  # fmt: skip
    filled = [part.reindex(columns=COLUMNS).astype(object) for part in parts if len(part)]
    if not filled:
        return pd.DataFrame(columns=COLUMNS)
    whole = pd.concat(filled, ignore_index=True)
    whole = whole[_may(wh, now, whole)]
    names = dict(zip(now.panel.chains["chain"], now.panel.chains["chain_name"], strict=True))
    names |= {"other": "其他", "town": "全镇"}
    names |= then.panel.firms["name"].to_dict() | now.panel.firms["name"].to_dict()
    return whole.assign(name=whole["entity"].map(names).fillna(whole["entity"]))


# -- figures of firms ------------------------------------------------------------------------------------------------


def _figures(then: Side, now: Side, wh: Warehouse, period: Period) -> pd.DataFrame:
    """The differences with their kinds, and the places on both sides."""
    changed = changes.differences(then.panel, now.panel, period)
    parts = []
    for source, mine in changed.groupby("source", sort=False):
        year = {Period(month) for month in mine["period"].unique()}
        for table in cells.TABLES[str(source)]:
            old, new = (_lines(cells.facts(wh, table, year, side.known_at, side.recorded_at)) for side in (then, now))
            of_table = mine["measure"].isin(list(old.columns)) | (len(cells.TABLES[str(source)]) == 1)
            if of_table.any():
                parts.append(_explained(table, mine[of_table], old, new, then, now))
    if not parts:
        return pd.DataFrame()
    found = _placed(wh, pd.concat(parts, ignore_index=True))
    found = _restated(found.assign(**_words(found)), now.panel)
    found = found.assign(what="figure", entity_kind="firm")
    return found.sort_values(["effect", "entity", "period", "measure"], ascending=[False, True, True, True])


def _lines(facts: pd.DataFrame) -> pd.DataFrame:
    """Fact rows under '' and, where they have a direction, once more under it; documents that do not count left out."""
    if "living" in facts:
        facts = facts[facts["living"].astype(bool)]
    facts = facts.astype({"entity": object, "period": object, "sheet": object})
    return (
        pd.concat([facts.assign(flow="", directed=False), facts.assign(directed=True)])
        if "flow" in facts
        else (facts.assign(flow="", directed=False))
    )


def _explained(
    table: str, changed: pd.DataFrame, old: pd.DataFrame, new: pd.DataFrame, then: Side, now: Side
) -> pd.DataFrame:
    """Differences of one table with their kind, and the lines behind both sides, joined where there are several."""
    stem = changed["measure"].str.partition("_")[0]
    flow = stem.map({"import": "I", "in": "I", "export": "E", "out": "E"}).fillna("")
    known = set(old["flow"]) | set(new["flow"])
    found = changed.assign(
        flow=flow if known - {""} else "",
        column=changed["measure"].where(changed["measure"].isin(list(old.columns)), changed["measure"].str[-3:]),
    )
    keys = found[_SPOT].drop_duplicates(ignore_index=True)
    before, after = (_behind(keys, lines) for lines in (old, new))
    kinds = keys.assign(kind=_kinds(table, keys, before, after, old, then, now))
    found = found.merge(kinds, on=_SPOT, validate="m:1")
    for prefix, lines in (("before_", before), ("after_", after)):
        found = found.merge(_joined(lines).add_prefix(prefix), left_on=_SPOT, right_index=True, how="left")
    return found


def _behind(keys: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """The lines in which the figures of some keys stand; of a return filed again without a column, the earlier one."""
    lent = [asof.BORROWED] if asof.BORROWED in lines else []
    found = keys.merge(lines[[*_KEY, "file_id", "sheet", "row", *lent]], on=_KEY)
    if not lent or not found[asof.BORROWED].notna().any():
        return found
    return pd.concat(cells.bearing(mine, str(column)) for column, mine in found.groupby("column"))


def _kinds(
    table: str, keys: pd.DataFrame, before: pd.DataFrame, after: pd.DataFrame, old: pd.DataFrame, then: Side, now: Side
) -> npt.NDArray[np.str_]:
    """Why the lines behind a figure are others than before, by what became of their files.

    A file that came: new, or back after a withdrawal. One that went while it still counts, or came though it counted
    already, means that the firm is another one now; at the bonded centre, that a document's state is.
    """
    index = pd.MultiIndex.from_frame(keys)
    pair = [*_SPOT, "file_id"]
    both = before[pair].drop_duplicates().merge(after[pair].drop_duplicates(), on=pair, how="outer", indicator="side")
    here = both["file_id"].isin(list(then.standing)), both["file_id"].isin(list(now.standing))
    came = (both["side"] == "right_only") & ~here[0]
    again = came & both["file_id"].map(now.standing).isin(list(then.withdrawn))

    def hit(lines: pd.DataFrame) -> npt.NDArray[np.bool_]:
        return np.asarray(index.isin(pd.MultiIndex.from_frame(lines[_SPOT])))

    month = pd.MultiIndex.from_frame(keys[["entity", "period"]])
    filed = month.isin(pd.MultiIndex.from_frame(old[["entity", "period"]]))
    fresh = hit(both[came & ~again])
    cases = [fresh & ~filed, fresh, hit(both[again]), hit(both[(both["side"] == "left_only") & ~here[1]])]
    rest = "refiled" if table.startswith("bonded") else "identity"
    return np.select(cases, ["late", "refiled", "reinstated", "withdrawn"], rest)


def _joined(lines: pd.DataFrame) -> pd.DataFrame:
    """One row a key: lines (how many), files (their ids), sheet and row; several joined as texts."""
    grouped = lines.sort_values(["file_id", "sheet", "row"]).groupby(_SPOT)
    found = grouped.agg(
        lines=("row", "size"), file_id=("file_id", "first"), sheet=("sheet", "first"), row=("row", "first")
    )
    found["files"] = found["file_id"].map(lambda file: (file,))
    found["text"] = found["row"].astype(str)
    several = found["lines"] > 1
    if several.any():
        many = lines.set_index(_SPOT).loc[found.index[several]].reset_index().groupby(_SPOT)
        found.loc[several, "files"] = many["file_id"].apply(lambda ids: tuple(sorted(set(ids))))
        found.loc[several, "sheet"] = many["sheet"].agg(lambda names: "、".join(sorted(set(names))))
        found.loc[several, "text"] = many["row"].apply(cells.spans)
    return found


def _placed(wh: Warehouse, found: pd.DataFrame) -> pd.DataFrame:
    """File, row as text, and the cell where there is one."""
    paths = wh.frame(sql.query("file_cells")).set_index("file_id")["file"].to_dict()
    for prefix in ("before_", "after_"):
        one = found[f"{prefix}lines"] == 1
        found[f"{prefix}column"] = found["column"]
        spot = found.assign(**{f"{prefix}file_id": found[f"{prefix}file_id"].where(one)})
        found[f"{prefix}cell"] = cells.places(wh, spot, (prefix,))[f"{prefix}cell"]
        nowhere = found[prefix[:-1]].isna() & found[f"{prefix}cell"].str.isdigit().fillna(False).astype(bool)
        found.loc[nowhere, f"{prefix}cell"] = None  # the line has no such column
        found[f"{prefix}row"] = found[f"{prefix}text"]
        there = found[f"{prefix}files"].notna()
        found[f"{prefix}file"] = None
        found.loc[there, f"{prefix}file"] = [
            "、".join(str(paths[file]) for file in files) for files in found.loc[there, f"{prefix}files"]
        ]
    return found


def _words(found: pd.DataFrame) -> dict[str, pd.Series]:
    """Label and unit of every measure."""
    units = {"money": "千元", "power": "万千瓦时", "persons": "人"}
    known = dict(_SHEETS)
    for form in ("b203", "b204_1", "self_report"):
        source = "self_report" if form == "self_report" else "returns"
        columns = items().columns_of(form)
        for item in items().items_of(form):
            known |= {
                f"{source}.{name}": (columns[name], units[item.kind]) for name in items().item_columns(form)[item.name]
            }
    full = found["source"] + "." + found["measure"]
    return {
        "label": full.map({name: label for name, (label, _) in known.items()}),
        "unit": full.map({name: unit for name, (_, unit) in known.items()}),
    }


def _restated(found: pd.DataFrame, now: Panel) -> pd.DataFrame:
    """上年同期 that a return changes, or that a first return gives otherwise than the firm itself filed a year ago."""
    found = found.assign(filed=np.nan)
    base = found["measure"].str.contains("_ly") & (found["source"] != "power")
    if not base.any():
        return found
    mine = found[base]
    names = mine["source"] + "." + mine["measure"].str.replace("_ly", "")
    year_ago = now.months.index(Period(now.months[-1]) - 12)
    filed = np.full(len(mine), np.nan)
    for name, at in mine.groupby(names).indices.items():
        if name in now.values:
            place = now.firms.index.get_indexer(pd.Index(mine["entity"].iloc[at]))
            filed[at] = np.where(place >= 0, now.values[str(name)][place, year_ago], np.nan)
    allowed = max(checks().relative, checks().last_year.relative) * np.abs(filed)
    differs = np.abs(mine["after"].to_numpy(np.float64) - filed) > allowed
    found.loc[base, "filed"] = filed
    kind = mine["kind"].mask((mine["kind"] == "refiled") | ((mine["kind"] == "late") & differs), "restated")
    found.loc[base, "kind"] = kind
    return found


# -- the register ----------------------------------------------------------------------------------------------------


def _register(then: Side, now: Side, wh: Warehouse, period: Period) -> pd.DataFrame:
    """What the register says otherwise of a firm: one row an attribute; of a firm that came or went its name alone."""
    firms = then.panel.firms.index.union(now.panel.firms.index)
    old, new = (
        side.panel.firms.reindex(firms)[list(_REGISTER)].astype(object).replace({True: "是", False: "否"}).fillna("")
        for side in (then, now)
    )
    differs = np.array(old != new, bool)
    lonely = ~(firms.isin(then.panel.firms.index) & firms.isin(now.panel.firms.index))
    differs[np.ix_(lonely, np.array(list(_REGISTER)) != "name")] = False
    firm, column = np.nonzero(differs)
    if not len(firm):
        return pd.DataFrame()
    output = changes.grid(now.panel, "returns.output_ytd", firms, [period])[:, 0]
    columns = np.array(list(_REGISTER))
    found = pd.DataFrame(
        {
            "what": "register", "kind": "identity", "entity_kind": "firm", "entity": firms[firm],
            "period": str(period), "source": "register", "measure": columns[column],
            "label": [_REGISTER[name] for name in columns[column]], "unit": "",
            "before": old.to_numpy()[firm, column], "after": new.to_numpy()[firm, column],
            "effect": np.nan_to_num(changes.share(np.abs(output), np.abs(np.nansum(output))))[firm],
        }
    )  # fmt: skip
    for prefix, side in (("before_", then), ("after_", now)):
        entry = asof.read(wh, "register_entry", known_at=side.known_at, recorded_at=side.recorded_at)
        entry = entry.set_index(entry["subject"].astype(str))[["file_id", "sheet", "row"]].reindex(found["entity"])
        for name in entry:
            found[f"{prefix}{name}"] = entry[name].to_numpy()
        found[f"{prefix}column"] = found["measure"]
    found = cells.places(wh, found, ("before_", "after_"))
    return found.sort_values(["effect", "entity"], ascending=[False, True])


# -- who may see it --------------------------------------------------------------------------------------------------


def _may(wh: Warehouse, now: Side, rows: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """What the statistics office may see firm by firm, for its statistics or for verification."""
    authorisations = asof.read(wh, "authorisation", known_at=now.known_at, recorded_at=now.recorded_at)
    stem = rows["measure"].astype(str).str.partition("_")[0]
    asked = rows.assign(
        source=rows["source"].replace(_RIGHT_OF),
        indicator=rows["measure"].where(rows["what"] == "indicator", stem.map(_ITEM).fillna(rows["measure"])),
    ).reset_index(drop=True)
    may = np.zeros(len(rows), bool)
    for purpose in ("statistics", "verification"):
        may |= Authority(("stats",), purpose, authorisations).firm_mask(asked).to_numpy(bool)
    return may | (rows["entity_kind"] != "firm").to_numpy(bool)


def _flat(found: pd.DataFrame) -> list[Row]:
    """Plain values; what is not there is None."""
    return [{str(k): _plain(v) for k, v in row.items()} for row in found[COLUMNS].to_dict("records")]


def _plain(value: Any) -> Any:
    if value is None or (isinstance(value, float) and not np.isfinite(value)) or value is pd.NA:
        return None
    return value.item() if hasattr(value, "item") else str(value) if isinstance(value, Period) else value
