"""Keeps persons out of everything that is stored: columns, footers, and cells that strayed into other columns.

Columns of persons are dropped by their heading before a cell is looked at (:func:`heading`), footers that name people
become control lines without their words (:data:`FOOTER`), and whatever text is quoted for a person to read, a rejected
cell or a heading that is not used, is hidden when it looks like a person's (:func:`hide`). Hiding too much costs a
glance at the cell named beside it; hiding too little cannot be taken back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from qxmonitor.catalog.items import items
from qxmonitor.feeds.base import Batch

HIDDEN = "（疑似个人信息，不保留）"

_WHO = (
    r"联系人|填表人|填报人|制表人?|审核人?|复核人?|经办人|统计员|办税员|统计负责人|财务负责人|单位负责人|企业负责人|法定代表人|"
    r"法人代表|负责人"
)
_HOW = r"联系电话|联系方式|固定电话|移动电话|手机号?码?|电话|传真|微信号?|QQ号?码?|邮箱|电子邮[箱件]|[Ee]-?[Mm]ail"
FOOTER = (
    rf"^\s*(?:{_WHO})\s*(?:$|[:：(（\s]|[^公司厂店社所室]{{1,6}}$)"
    rf"|^\s*(?:{_HOW})\s*(?:[:：]|[（(]?[0-9+])"
)
"""Lines that name people, with a colon, in brackets, or glued to the name; never a firm's or a product's name."""

_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖石金韦贾夏付方"
    "邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向汤温尤詹莘"
)
_NAME = rf"^\s*(?:[{_SURNAMES}]|欧阳|司徒|上官|诸葛|司马)\s*[\x{{4e00}}-\x{{9fff}}某]\s*[\x{{4e00}}-\x{{9fff}}某]?\s*$"
_NUMBER = (
    r"(?:^|[^0-9])1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}(?:$|[^0-9])"  # mobile
    r"|(?:^|[^0-9])0[0-9]{2,3}[- )）]?[0-9]{7,8}(?:$|[^0-9])"  # landline
    r"|(?:^|[^0-9])[1-68][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])[0-3][0-9]{4}[0-9Xx](?:$|[^0-9])"  # identity card
    r"|[A-Za-z0-9._%+-]+[@＠][A-Za-z0-9.-]+"
)
_QUOTED = rf"{_NAME}|{_NUMBER}|{FOOTER}|(?:{_WHO}|{_HOW})\s*[:：]\s*\S"


def heading(words: Iterable[str]) -> bool:
    """Whether a heading speaks of a person, wherever in its words it says so, or names one."""
    return any(map(_personal, words))


@lru_cache(maxsize=8192)
def _personal(word: str) -> bool:
    return any(person in word.lower() for person in items().personal_words) or bool(re.search(_NUMBER, word))


def hide(texts: pd.Series) -> pd.Series:
    """Texts as they may be kept: what looks like a person's name, number or address is replaced as a whole."""
    if texts.empty:
        return texts
    array = pa.array(texts.fillna("").astype("str").array, type=pa.large_string(), from_pandas=True)
    found = pc.fill_null(pc.match_substring_regex(array, _QUOTED), False).to_numpy(zero_copy_only=False)
    return texts.mask(found, HIDDEN) if found.any() else texts


def is_person(names: pd.Series) -> pd.Series:
    """Whether what stands for a firm's name is a person's, or a number of one."""
    array = pa.array(names.fillna("").astype("str").array, type=pa.large_string(), from_pandas=True)
    found = pc.match_substring_regex(array, rf"{_NAME}|{_NUMBER}|{FOOTER}")
    return pd.Series(pc.fill_null(found, False).to_numpy(zero_copy_only=False), index=names.index)


def hide_words(text: str) -> str:
    """One text as it may be kept in a remark."""
    return str(hide(pd.Series([text], dtype="str")).iloc[0])


def scrub(batch: Batch) -> Batch:
    """A batch whose quoted texts are fit to be kept; facts are the readers' own affair.

    A row of which one rejected cell looks like a person's is shifted as a rule: none of its cells is quoted then.
    """
    rejects, control = batch.rejects, batch.control
    if len(rejects):
        raw = hide(rejects["raw"])
        shifted = rejects.assign(_hidden=raw == HIDDEN).groupby(["sheet", "row"])["_hidden"].transform("any")
        rejects = rejects.assign(raw=raw.mask(shifted & (raw != ""), HIDDEN))
    if len(control):
        control = control.assign(text=hide(control["text"]))
    return replace(batch, rejects=rejects, control=control)


def unname(batch: Batch, sheets: Iterable[str]) -> Batch:
    """A workbook's batch in which a sheet that is called by a person's name or number is called by its place."""
    names = pd.Series(list(sheets), dtype="str")
    kept = hide(names)
    called = {name: f"第{at}张工作表" for at, name in enumerate(names, start=1) if kept.iloc[at - 1] != name}
    if not called:
        return batch

    def renamed(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(sheet=frame["sheet"].replace(called)) if len(frame) else frame

    parted = [(*key.rpartition("|"), where) for key, where in batch.cells.items()]
    return replace(
        batch,
        tables={name: renamed(table) for name, table in batch.tables.items()},
        lines=renamed(batch.lines),
        rejects=renamed(batch.rejects),
        control=renamed(batch.control),
        totals=renamed(batch.totals),
        cells={f"{called.get(sheet, sheet)}{bar}{field}": where for sheet, bar, field, where in parted},
    )
