"""Form 1: 企业名录, the town's register of firms with their self-report authorisations and the chain map.

A workbook of three sheets, issued now and then as a whole; sheets are told by their headers, not their names.
Flags are 是/否, months ``2020-01`` or ``2020年1月``. Contacts and telephone numbers are never read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor import identity
from qxmonitor.catalog.items import items, plain
from qxmonitor.catalog.readers import readers
from qxmonitor.catalog.sheets import Column, Kind
from qxmonitor.errors import Refused
from qxmonitor.feeds import numbers, personal
from qxmonitor.feeds.base import REJECT_COLUMNS, Batch
from qxmonitor.feeds.csvfile import column_letter
from qxmonitor.feeds.grid import Body, Grid, Lines, Row, gather, grids
from qxmonitor.feeds.platform import origin

if TYPE_CHECKING:
    from qxmonitor.feeds.opening import Opened

FEED, FORM = "register", "workbook"

_FLAGS = {
    "above_scale": "规上", "hightech_firm": "高新技术企业", "advanced_mfg": "先进制造业",
    "hightech_mfg": "高技术制造业", "specialised": "专精特新", "doubling": "倍增企业", "listed": "境内上市",
    "rd_institution": "研发机构", "key_firm": "重点企业",
}  # fmt: skip
_TEXTS = {
    "group_name": "所属集团", "industry": "行业代码", "chain": "产业链", "node": "链节点", "ownership": "经济类型",
    "leader": "挂点领导",
}  # fmt: skip
_FIRMS = {
    "uscc": "统一社会信用代码", "name": "企业名称", "former_names": "曾用名", "customs_code": "海关注册编码",
    **_TEXTS, **_FLAGS, "since": "纳入年月", "until": "退出年月",
}  # fmt: skip
_AUTHORISATIONS = {
    "uscc": "统一社会信用代码", "items": "授权事项", "readers": "授权部门", "since": "起始年月", "until": "终止年月",
}  # fmt: skip
_CHAINS = {
    "chain": "产业链代码", "chain_name": "产业链名称", "node": "节点代码", "node_name": "节点名称",
    "upstream": "上游节点",
}  # fmt: skip
_SHEETS = {"register_entry": _FIRMS, "authorisation": _AUTHORISATIONS, "chain_node": _CHAINS}
"""Table → its columns and the headings they stand under."""

_OPTIONAL = {"until", "upstream", "former_names", "leader", "group_name", "customs_code"}
_NOTES = {
    "former_names": "几个曾用名用顿号分开", "customs_code": "10 位", "industry": "四位行业代码",
    "items": "几项用顿号分开", "readers": "几个部门用顿号分开", "upstream": "几个上游节点用顿号分开",
    "until": "仍在名录内的留空", "node": "产业链图谱里的节点代码", "chain": "产业链图谱里的产业链代码",
}  # fmt: skip
_YES, _NO = {"是", "有", "√", "✓", "1", "y", "yes", "true"}, {"", "否", "无", "×", "0", "n", "no", "false", "-", "—"}
_LIST = r"[、;；\n]+"

Cells = dict[str, pd.Series]


def declared() -> dict[str, tuple[Column, ...]]:
    """Sheet → its columns, for the template that this reader reads back."""
    kinds: dict[str, Kind] = {
        "uscc": "credit_code", "name": "firm_name", "since": "month", "until": "month", "customs_code": "code",
        "industry": "code", **dict.fromkeys(_FLAGS, "flag"),
    }  # fmt: skip
    free = {*_OPTIONAL, *_FLAGS, *_TEXTS}
    return {
        _WORDS[table]: tuple(
            Column(
                id=name, name=label, kind=kinds.get(name, "text"), required=name not in free, note=_NOTES.get(name, "")
            )
            for name, label in names.items()
        )
        for table, names in _SHEETS.items()
    }


def matches(opened: Opened) -> bool:
    """Whether a sheet has the header of the list of firms."""
    return opened.kind in ("xlsx", "xls") and any(_header(grid, _FIRMS) for grid in grids(opened))


def read(opened: Opened) -> Batch:
    """Read the workbook.

    Raises:
        Refused: one of its three tables twice, a mandatory column missing or doubled, simulated and real firms mixed.
    """
    tables: dict[str, pd.DataFrame] = {}
    frames: list[tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]] = []
    cells: dict[str, str] = {}
    notes: list[str] = []
    head: list[str] = []
    for grid in grids(opened):
        found = [(table, header) for table, names in _SHEETS.items() if (header := _header(grid, names))]
        if not found:
            if any(text for row in grid.head for text in row.texts):
                notes.append(f"工作表“{personal.hide_words(grid.sheet[:30])}”没有可识别的表头，未读取")
            continue
        table, header = found[0]
        if table in tables:
            raise Refused(f"工作簿里有两张同样的表：{personal.hide_words(grid.sheet[:30])}")
        head += [text for row in grid.head if row.number < header.number for text in row.texts]
        places = _places(header, _SHEETS[table])
        body = grid.body(header, [min(places.values())])
        lines = Lines(grid.sheet, body)
        lines.totals_and_footers(body, [0], header)
        given = {name: body.text(place) for name, place in places.items()}
        empty = pd.Series("", index=range(len(body.rows)), dtype="str")
        raw = {name: body.column(place) for name, place in places.items()}
        made = _READERS[table](_Sheet(body, lines, given, raw, empty, notes))
        frame = pd.DataFrame({"sheet": pd.Series(grid.sheet, index=empty.index, dtype="str"), "row": body.rows, **made})
        tables[table] = frame[lines.data].reset_index(drop=True)
        frames.append(lines.frames())
        if absent := [label for name, label in _SHEETS[table].items() if name not in places]:
            stands = "此前名录里的照旧，从未报过的按空白" if table == "register_entry" else "按空白收下"
            group = "，没有所属集团的一家企业算一个集团" if _SHEETS[table].get("group_name") in absent else ""
            notes.append(f"{_WORDS[table]}表没有这些列，{stands}{group}：" + "、".join(absent))
        cells |= {f"{grid.sheet}|{_tracked(name)}": column_letter(place) for name, place in places.items()}
    notes += [f"没有{word}表" for table, word in _WORDS.items() if table not in tables]
    return Batch(
        feed=FEED,
        form=FORM,
        period=None,
        tables=tables,
        lines=gather([f[0] for f in frames], ["sheet", "row"]),
        rejects=gather([f[1] for f in frames], REJECT_COLUMNS),
        control=gather([f[2] for f in frames], ["sheet", "row", "text"]),
        cells=cells,
        origin=origin(tables["register_entry"]["subject"], head),
        notes=notes,
    )


class _Sheet:
    """One sheet's cells as text by column name, and what its three readers share."""

    def __init__(self, body: Body, lines: Lines, given: Cells, raw: Cells, empty: pd.Series, notes: list[str]) -> None:
        self.body, self.lines, self.given, self.raw, self.empty, self.notes = body, lines, given, raw, empty, notes

    def text(self, name: str) -> pd.Series:
        return self.given.get(name, self.empty)

    def or_null(self, name: str) -> pd.Series:
        text = self.text(name)
        return text.mask(text == "")

    def subject(self) -> pd.Series:
        """Credit codes; a register row without a valid one is rejected, never guessed from the name."""
        who = identity.resolve(self.text("uscc"))
        self.lines.reject(
            who["subject"].isna().to_numpy(dtype=bool), who["field"], who["rule"], who["reason"], who["raw"]
        )
        return who["subject"]

    def months(self, name: str, label: str) -> pd.Series:
        found = numbers.parse_months(self.raw[name]) if name in self.raw else None
        if found is None:
            return self.or_null(name)
        self.lines.reject(found.unreadable, label, "period.unreadable", f"{label}不是有效的年月", self.raw[name])
        return pd.Series(found.values, dtype="str")

    def span(self, first: str, last: str, labels: tuple[str, str]) -> tuple[pd.Series, pd.Series]:
        since, until = self.months(first, labels[0]), self.months(last, labels[1])
        wrong = (since.notna() & until.notna() & (until < since)).to_numpy(dtype=bool)
        self.lines.reject(wrong, labels[1], "period.order", f"{labels[1]}早于{labels[0]}", until)
        return since, until

    def needed(self, name: str, label: str) -> None:
        self.lines.reject((self.text(name) == "").to_numpy(dtype=bool), label, "text.missing", f"{label}为空")

    def words(self, name: str, label: str, known: Callable[[str], str | None]) -> pd.Series:
        """Lists of names into lists of ids, both joined by 、; each distinct cell is read once."""
        cells = self.text(name)
        codes, distinct = pd.factorize(cells)
        made: list[str | None] = []
        for cell in distinct:
            ids = [known(word) for word in pd.Series([cell]).str.split(_LIST, regex=True).iloc[0] if word.strip()]
            made.append("、".join(key for key in ids if key) if ids and all(ids) else None)
        result = pd.Series(np.array([*made, None], dtype=object)[codes], dtype="str")
        self.lines.reject(result.isna().to_numpy(dtype=bool), label, "word.unknown", f"{label}为空或含未知名称", cells)
        return result


def _firms(sheet: _Sheet) -> Cells:
    subject = sheet.subject()
    sheet.needed("name", "企业名称")
    since, until = sheet.span("since", "until", ("纳入年月", "退出年月"))
    customs = identity.clean_code(sheet.text("customs_code"))
    wrong = customs.notna() & ~identity.customs_code_valid(customs)
    if wrong.any():
        rows = "、".join(map(str, sheet.body.rows[wrong.to_numpy(dtype=bool)][:10].tolist()))
        sheet.notes.append(f"海关注册编码格式不对，未采用：第 {rows} 行")
    former = sheet.text("former_names").str.replace(_LIST, "、", regex=True).str.strip("、")
    flags = {name: _flag(sheet, name, label) for name, label in _FLAGS.items()}
    return {
        "subject": subject,
        "name": sheet.text("name"),
        "former_names": former,
        "customs_code": customs.mask(wrong),
        **{name: sheet.or_null(name) for name in ("group_name", "industry", "chain", "node", "ownership")},
        **{name: pd.Series(flag) for name, flag in flags.items()},
        "leader": sheet.or_null("leader"),
        "since": since,
        "until": until,
    }


def _authorisations(sheet: _Sheet) -> Cells:
    names = {plain(item.name): item.column or item.id for item in items().items_of("self_report")}
    subject = sheet.subject()
    since, until = sheet.span("since", "until", ("起始年月", "终止年月"))
    sheet.lines.reject(since.isna().to_numpy(dtype=bool) & (sheet.text("since") == "").to_numpy(dtype=bool),
                       "起始年月", "period.missing", "起始年月为空")  # fmt: skip
    return {
        "subject": subject,
        "items": sheet.words("items", "授权事项", lambda word: names.get(plain(word))),
        "readers": sheet.words("readers", "授权部门", _reader),
        "since": since,
        "until": until,
    }


def _chains(sheet: _Sheet) -> Cells:
    for name in ("chain", "chain_name", "node", "node_name"):
        sheet.needed(name, _CHAINS[name])
    return {
        **{name: sheet.text(name) for name in ("chain", "chain_name", "node", "node_name")},
        "upstream": sheet.or_null("upstream").str.replace(_LIST, "、", regex=True),
    }


_READERS: dict[str, Callable[[_Sheet], Cells]] = {
    "register_entry": _firms, "authorisation": _authorisations, "chain_node": _chains,
}  # fmt: skip
_WORDS = {"register_entry": "企业名录", "authorisation": "自报授权", "chain_node": "产业链图谱"}


def _reader(word: str) -> str | None:
    found = readers().by_name(word)
    return found.id if found else None


def _flag(sheet: _Sheet, name: str, label: str) -> npt.NDArray[np.bool_]:
    text = sheet.text(name).str.lower()
    yes, no = text.isin(_YES).to_numpy(dtype=bool), text.isin(_NO).to_numpy(dtype=bool)
    sheet.lines.reject(~(yes | no), label, "flag.unreadable", f"{label}应填是或否", sheet.text(name))
    return yes


def _tracked(name: str) -> str:
    return "subject" if name == "uscc" else name


def _header(grid: Grid, names: dict[str, str]) -> Row | None:
    """A row holding the mandatory headings of a table (all but a few for the long list of firms)."""
    wanted = {plain(label) for name, label in names.items() if name not in _OPTIONAL}
    least = 0.6 * len(wanted)
    distinctive = {"register_entry": {"纳入年月", "规上"}, "authorisation": {"授权事项"}, "chain_node": {"节点代码"}}
    must = next(words for table, words in distinctive.items() if _SHEETS[table] is names)
    for row in grid.head:
        here = {plain(text) for text in row.texts}
        if must <= here and len(wanted & here) >= least:
            return row
    return None


def _places(header: Row, names: dict[str, str]) -> dict[str, int]:
    words = {plain(label): name for name, label in names.items()}
    places: dict[str, int] = {}
    for place, text in enumerate(header.texts):
        name = words.get(plain(text))
        if name is None:
            continue
        if name in places:
            raise Refused(f"表头有两列都是“{names[name]}”")
        places[name] = place
    missing = [label for name, label in names.items() if name not in places and name not in _OPTIONAL]
    if missing:
        raise Refused("表头缺少必需的列：" + "、".join(missing))
    return places
