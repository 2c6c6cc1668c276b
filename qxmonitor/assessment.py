"""The growth ladder and the evaluation of firms for one department, with reasons (plan clause 8 and section 三(三)).

From administrative and self-reported sources alone: the panel is cut down to what the department may use for
*support* before anything is computed, so no figure here can depend on a return. What is missing is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qxmonitor.catalog.ladder import Ladder, ladder
from qxmonitor.catalog.office import office
from qxmonitor.catalog.readers import readers
from qxmonitor.catalog.scorecards import Scorecards, scorecards
from qxmonitor.delivery.assessment import Sheet, assessment_xlsx
from qxmonitor.delivery.files import write_private
from qxmonitor.disclosure import Gate, permitted
from qxmonitor.disclosure.authority import OPEN
from qxmonitor.errors import DisclosureError, QxError
from qxmonitor.indicators.ladder import measures, place, yearly
from qxmonitor.indicators.scoring import classes, score
from qxmonitor.indicators.view import View
from qxmonitor.panel import Panel
from qxmonitor.period import Period
from qxmonitor.scene import HISTORY
from qxmonitor.warehouse import Warehouse, asof
from qxmonitor.warehouse.panel import read_panel

PURPOSE = "support"
LADDER = ["list", "entity", "name", "step", "state", "figure", "threshold", "gap", "share", "source", "reason"]
"""Of a ladder row: figure, threshold and gap in 千元 (gap: what is missing, negative above); share of the threshold."""
SCORE = ["list", "entity", "name", "score", "rank", "best", "worst", "class", "known", "reason"]
"""Of a score row: rank with the ends of its interval; class ``A/B`` straddles; known: share of the weight. Behind them
stand the points of each component, ``points_ID``."""
_STATES = {"reached": "已达到", "near": "接近", "doubling": "在册", "unknown": "无可用数据"}
_IN_POOL = {"reached": "入库范围，已过门槛", "near": "入库范围，未到门槛"}
"""Of a step with an upper end: who is on either side of its threshold belongs to the pool; nothing is reached."""
_SOURCES = {"self_report": "企业自报", "customs": "海关"}


@dataclass(frozen=True)
class Assessment:
    """Both tables for one reader, and what is to be said of them."""

    ladder: pd.DataFrame
    scores: pd.DataFrame
    notes: tuple[str, ...]


def assess(panel: Panel, period: Period, gate: Gate, rules: Ladder, cards: Scorecards) -> Assessment:
    """Place and score every firm a department may use figures of.

    Args:
        panel: all that is known; it is cut down to the gate's rights first.
        period: the month it is told in.
        gate: of a department and the purpose *support*.
        rules: the ladder.
        cards: the firms' scorecard and the classes.
    """
    mine = permitted(panel, gate)
    terms = _terms(gate, period)
    steps = _ladder(mine, period, gate, rules, terms)
    scores = _scores(mine, period, gate, rules, cards)
    return Assessment(steps, scores, _notes(mine, period, gate, rules, cards, scores))


def _terms(gate: Gate, period: Period) -> dict[str, str]:
    """By firm, the words of the authorisation its own output may be used on; the widest of those open now or last."""
    table = gate.authority.terms("output", gate.reader)
    table = table[table["since"] <= str(period)]
    table = table.sort_values(["subject", "until", "since"], ascending=[True, True, False])
    words: pd.Series = table["since"] + "起" + np.where(table["until"] == OPEN, "", "至" + table["until"])
    return dict(zip(table["subject"], words, strict=True))


def _ladder(panel: Panel, period: Period, gate: Gate, rules: Ladder, terms: dict[str, str]) -> pd.DataFrame:
    table = place(View(panel, [period]), rules)
    names = {step.id: step.name for step in rules.steps} | {"doubling": rules.doubling.name}
    notes = {step.id: step.note for step in rules.steps} | {"doubling": _doubling_note(rules)}
    figures = {str(entry.source): entry.name for entry in rules.figures}
    cleared, reasons = [], []
    for record in table.to_dict("records"):
        row = {str(key): value for key, value in record.items()}
        name = gate.firm(row["entity"], row["source"] or "register", Period(row["month"] or period), "output_ytd")
        cleared.append("" if name is None else name.text)
        reasons.append(_reason(row, figures, terms, notes[row["step"]]))
    pools = [step.id for step in rules.steps if step.upto is not None]
    state = table["state"].map(_STATES).mask(table["step"].isin(pools), table["state"].map(_IN_POOL))
    table = table.assign(
        list="ladder", name=cleared, reason=reasons, step=table["step"].map(names), state=state,
        source=table["source"].map(_SOURCES),
    )  # fmt: skip
    return table[table["name"] != ""][LADDER].reset_index(drop=True)


def _doubling_note(rules: Ladder) -> str:
    rule = rules.doubling
    if rule.base_year is None:
        return "倍增基期未配置（方案未写明），不计进度"
    return f"以{rule.base_year}年为基期，目标为基期的{rule.times:g}倍（{rule.basis}）"


def _reason(row: dict[str, Any], figures: dict[str, str], terms: dict[str, str], note: str) -> str:
    """Which figure, of which source and month, on whose authority, and how far from the step."""
    if row["state"] == "unknown":
        return "；".join(part for part in ("没有授权用于扶持的自报数，或未自报", note) if part)
    least = "不低于" if row["at_least"] else ""
    what = f"{Period(row['month']).label}{figures[row['source']]}（{row['basis']}）"
    parts = [f"{what}{least}{_wan(row['figure'])}"]
    if np.isfinite(row["threshold"]):
        goal, gap = _wan(row["threshold"]), row["gap"]
        at_most = "至多" if row["at_least"] else ""
        parts.append(f"距{goal}{at_most}差{_wan(gap)}" if gap > 0 else f"已超{goal}")
    if row["source"] == "self_report":
        parts.append(f"名录载明授权使用产值：{terms.get(row['entity'], '')}")
    else:
        parts.append("本部门业务数据")
    return "；".join(part for part in (*parts, note) if part)


def _wan(thousand: float) -> str:
    """千元 in 万元 or 亿元."""
    wan = thousand / 10.0
    return f"{wan / 1e4:.2f}亿元" if abs(wan) >= 1e4 else f"{wan:.0f}万元"


def _scores(panel: Panel, period: Period, gate: Gate, rules: Ladder, cards: Scorecards) -> pd.DataFrame:
    """Scored firms by rank, then key firms and those with own reports of which too little is known."""
    card = cards.firm
    table = measures(View(panel, [period]), rules)[[part.id for part in card.components]]
    found = score(table.index.to_list(), table.to_numpy(dtype=np.float64), card)
    letters = classes(found, cards.classes, cards.class_least)
    own = [at for at, part in enumerate(card.components) if part.source == "self_report"]
    key = panel.firms["key_firm"].reindex(table.index).fillna(value=False).to_numpy(dtype=bool)
    shown = np.isfinite(found.score) | np.isfinite(found.points[:, own]).any(axis=1) | key
    rows, labels = [], [part.name for part in card.components]
    keys = [f"points_{part.id}" for part in card.components]
    for at in np.flatnonzero(shown).tolist():
        code = str(table.index[at])
        there = found.points[at].tolist()
        name = gate.firm(code, "register", period)  # the figures were cut to the reader's rights before
        if name is None:
            continue
        scored = bool(np.isfinite(found.score[at]))
        rows.append(
            {
                "list": "score", "entity": code, "name": name.text, "score": found.score[at], "rank": found.rank[at],
                "best": found.best[at], "worst": found.worst[at], "class": letters[at], "known": found.known[at],
                "reason": _why(dict(zip(labels, there, strict=True)), scored, letters[at], found.known[at], cards),
                **dict(zip(keys, there, strict=True)),
            }
        )  # fmt: skip
    frame = pd.DataFrame(rows, columns=[*SCORE, *keys])
    return frame.sort_values(["rank", "known", "entity"], ascending=[True, False, True], ignore_index=True)


def _why(points: dict[str, float], scored: bool, letter: str, known: float, cards: Scorecards) -> str:
    missing = "、".join(label for label, value in points.items() if np.isnan(value))
    share = f"已知权重{known:.0%}"
    if not scored:
        return f"{share}，低于{cards.firm.least_share:.0%}，不评分；缺：{missing}"
    parts = [f"缺{missing}，{share}，其余按权重折算" if missing else "各项齐全"]
    if "/" in letter:
        parts.append("名次区间跨类，由部门核定")
    return "；".join(parts)


def _notes(
    panel: Panel, period: Period, gate: Gate, rules: Ladder, cards: Scorecards, scores: pd.DataFrame
) -> tuple[str, ...]:
    view = View(panel, [period])
    card, found = cards.firm, yearly(view, rules)
    measured = np.bincount(found.which[found.which >= 0], minlength=len(rules.figures)).tolist()
    here = len(measures(view, rules))
    mine = [(entry.name, n) for entry, n in zip(rules.figures, measured, strict=True) if gate.may(entry.source, "firm")]
    counts = "、".join(f"{name}{count}家" for name, count in mine)
    ranked = int(scores["rank"].notna().sum())
    barred = [part.name for part in card.components if not gate.may(part.source, "firm")]
    weights = "、".join(f"{part.name}{part.weight:.0%}" for part in card.components)
    marks = "、".join(f"{key}至前{share:.0%}" for key, share in cards.classes.items())
    said = [
        "只用企业自报（按名录授权）、海关（有业务权限的部门）和企业名录，不使用联网直报数；"
        "不同部门可用的资料不同，结果不可互比。",
        f"名录在册{here}家；有可用年度数的：{counts}；其余{here - sum(measured)}家没有授权或没有数据，"
        "不作判断。按法人企业计。",
        f"综合评价权重：{weights}（方案未写明，为工作值，可在 scorecards.yml 修改）；各项按功效系数法折为0—100分，"
        f"上下限取有数企业的{card.marks[0]:.0%}、{card.marks[1]:.0%}分位，极端值不影响他人。",
        f"缺项从权重中剔除后折算，已知权重不足{card.least_share:.0%}的不评分；已评{ranked}家，"
        "未评的只列重点企业和已自报的企业。",
        f"名次区间：权重和数据各有误差，随机抽取{card.draws}次，取中间{card.interval:.0%}；缺项按其他企业的分数抽取。",
        f"差别化扶持分类按名次：{marks}；区间跨过界线的写明跨类。"
        + ("" if ranked >= cards.class_least else f"已评企业不足{cards.class_least}家，本期不分类。"),
    ]
    if barred:
        said.append(f"本部门无权使用、因而缺项的：{'、'.join(barred)}。")
    return tuple(said)


def write(
    wh: Warehouse, period: Period, reader: str, out: Path, *, known_at: datetime | None = None
) -> list[dict[str, Any]]:
    """Write a department's ladder and evaluation as a workbook.

    Args:
        wh: an open warehouse.
        period: the month.
        reader: a department with the purpose *support*.
        out: the file, ``.xlsx``.
        known_at: as known then.

    Returns:
        The rows of both tables (:data:`LADDER`, :data:`SCORE`).

    Raises:
        QxError: another suffix, or a reader without that purpose.
    """
    if out.suffix.lower() != ".xlsx":
        raise QxError("评价结果只写 .xlsx 文件")
    panel = read_panel(wh, period, months=HISTORY, known_at=known_at)
    try:
        gate = Gate(
            reader, PURPOSE, authorisations=asof.read(wh, "authorisation", known_at=known_at),
            simulated=panel.simulated, firms=panel.firms,
        )  # fmt: skip
    except KeyError:
        raise DisclosureError(f"没有接收单位 {reader}") from None
    found = assess(panel, period, gate, ladder(), scorecards())
    sheet = Sheet(
        period=period, reader=readers().reader(reader).name, known_at=panel.known_at if known_at else None,
        mark=office().simulated_label if panel.simulated else "", notes=found.notes,
        components=tuple(part.name for part in scorecards().firm.components),
    )  # fmt: skip
    write_private(out, assessment_xlsx(sheet, found.ladder, found.scores))
    rows = [*found.ladder.to_dict("records"), *found.scores.to_dict("records")]
    return [
        {str(k): None if isinstance(v, float) and not np.isfinite(v) else v for k, v in row.items()} for row in rows
    ]
