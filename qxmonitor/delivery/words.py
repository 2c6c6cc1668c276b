"""Putting a cleared figure into words, with the right sign: 增长、下降、持平, and why there is none.

Each function takes a cleared value and gives one for the same reader; they are the filters templates have.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qxmonitor.disclosure.cleared import Cleared, seal
from qxmonitor.disclosure.values import NOTHING
from qxmonitor.errors import DisclosureError

WHY_EMPTY = {
    "withheld": "不予公布",
    "expected-absent": "按制度免报",
    "late": "逾期未报",
    "failed": "尚待核实",
    "not-due": "未到发布时间",
    "unknown": "暂无数据",
}
"""The four empties, a sheet that nobody owes yet, and a figure that does not exist, in a sentence."""


def growth(rate: Cleared, what: str = "同比") -> Cleared:
    """A growth rate as 同比增长5.2%, 同比下降3.0%, 同比持平 or 同比增速不予公布."""
    if rate.state == NOTHING:
        return _like(rate, rate.text if rate.text == "停产" else f"本期{rate.text}")
    if rate.number is None:
        why = "不单独计算" if rate.state == "expected-absent" else WHY_EMPTY.get(rate.state, "暂无数据")
        return _like(rate, f"{what}增速{why}")
    if rate.number == 0:
        return _like(rate, f"{what}持平")
    return _like(rate, f"{what}{'增长' if rate.number > 0 else '下降'}{_size(rate)}{rate.unit}")


def measure(figure: Cleared) -> Cleared:
    """A figure with its unit as 123.40亿元; an empty one as its reason in words."""
    if figure.number is None:
        return _like(figure, WHY_EMPTY.get(figure.state, "暂无数据"))
    return _like(figure, f"{figure.text}{figure.unit}")


def points(pair: Sequence[Cleared]) -> Cleared:
    """Two rates compared as 高于…3.1个百分点: 高3.1个百分点, 低0.4个百分点, 持平; both must be shown."""
    ours, theirs = pair
    if ours.number is None or theirs.number is None:
        return _like(ours, "无法比较")
    gap = round(ours.number - theirs.number, max(ours.decimals, theirs.decimals))
    if gap == 0:
        return _like(ours, "持平")
    return _like(ours, f"{'高' if gap > 0 else '低'}{abs(gap):.{ours.decimals}f}个百分点")


def pull(points: Cleared) -> Cleared:
    """What a part does to a growth rate, as 拉动4.1个百分点, 下拉0.4个百分点 or 影响为零."""
    if points.number is None:
        return measure(points)
    if points.number == 0:
        return _like(points, "影响为零")
    return _like(points, f"{'拉动' if points.number > 0 else '下拉'}{_size(points)}{points.unit}")


def signed(figure: Cleared) -> Cleared:
    """A difference with its sign and unit, as +0.30亿元 or -0.1个百分点."""
    if figure.number is None:
        return measure(figure)
    return _like(figure, f"{'+' if figure.number > 0 else ''}{figure.text}{figure.unit}")


def more(figure: Cleared) -> Cleared:
    """A difference in words: 多0.30亿元, 少0.30亿元, 相同; of percentage points 高…, 低…, 持平."""
    if figure.number is None:
        return measure(figure)
    up, down, same = ("高", "低", "持平") if figure.unit == "个百分点" else ("多", "少", "相同")
    if figure.number == 0:
        return _like(figure, same)
    return _like(figure, f"{up if figure.number > 0 else down}{_size(figure)}{figure.unit}")


def unit_head(figure: Cleared) -> Cleared:
    """The unit alone, for a table head."""
    return _like(figure, figure.unit)


def in_wan(figure: Cleared) -> Cleared:
    """A figure of a single firm in 万元 instead of 亿元; an empty one as it is."""
    if figure.number is None or figure.unit != "亿元":
        return figure
    number = round(figure.number * 10_000)
    return seal(
        f"{number}", reader=figure.reader, source=figure.source, ref=figure.ref, number=float(number), unit="万元"
    )


def join(values: Sequence[Cleared], mark: str = "、") -> Cleared:
    """Cleared texts of one reader in a row, 甲、乙、丙; there must be at least one.

    Raises:
        DisclosureError: they are for different readers.
    """
    first = values[0]
    if any(value.reader != first.reader for value in values):
        raise DisclosureError("不得把核准给不同单位的内容并列")
    return seal(mark.join(v.text for v in values), reader=first.reader, source=first.source, ref=first.ref, limit=None)


def _size(rate: Cleared) -> str:
    return f"{abs(rate.number or 0.0):.{rate.decimals}f}"


def _like(figure: Cleared, text: str) -> Cleared:
    """Other words for the same figure."""
    return seal(
        text,
        reader=figure.reader,
        source=figure.source,
        ref=figure.ref,
        unit=figure.unit,
        state=figure.state,
        limit=None,
    )


FILTERS: dict[str, Callable[..., object]] = {
    "growth": growth,
    "measure": measure,
    "points": points,
    "pull": pull,
    "more": more,
    "signed": signed,
    "unit_head": unit_head,
    "join": join,
}
"""The only filters a template has; each gives a cleared value."""
