"""Administrative and yearly sheets: projects, R&D, power, tasks, visits, parameters; one file a month each, R&D a year.

Each in the shape its office would send: two sheets and a unit line, a header of two merged lines with contacts behind
it, plain csv. The rows are clean: what is wrong in sheets is planted by the forms that came before.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import date
from io import StringIO
from typing import Any

import numpy as np

from qxmonitor.catalog.tasks import tasks
from qxmonitor.period import Period, months
from qxmonitor.simulate.filing import World
from qxmonitor.simulate.truth import Document
from qxmonitor.simulate.workbooks import Book

_STREAM = 102
_PROJECTS = (
    "项目代码", "项目名称", "统一社会信用代码", "建设单位", "计划总投资", "本年累计完成投资", "上年同期", "本月",
    "是否技改", "行业代码", "开工年月", "建设状态",
)  # fmt: skip
_RD = ("统一社会信用代码", "单位详细名称", "研发费用", "研发人员折合全时当量", "有无研发机构", "填表人")
_TASKS = ("条目", "任务名称", "责任部门", "进展情况", "完成进度（%）", "状态", "存在问题", "下一步安排", "联系人")
_VISITS = (
    "走访日期", "企业名称", "统一社会信用代码", "走访部门", "走访人员", "诉求内容", "诉求类别", "办理状态", "答复情况",
    "办结日期",
)  # fmt: skip
_PARAMETERS = ("年月", "参数名称", "适用范围", "数值", "来源")
_APPEALS = (
    ("技能工人招聘困难", "用工"), ("现有厂房不足，希望增加用地", "用地"), ("订单周转需要短期贷款", "融资"),
    ("海外订单减少，希望参加展会", "市场订单"), ("咨询技改补助申报条件", "政策"), ("夏季用电负荷受限", "水电气"),
)  # fmt: skip
_OFFICES = ("投资服务中心", "工信局", "商务局")
_STATES = ("未启动", "正常推进", "进度滞后", "已完成")


def write_all(world: World) -> None:
    """Land every sheet of every month, and R&D of a year on the 20th of the next March."""
    projects = _project_plan(world)
    for period in world.months:
        if world.returns_in("investment", period):
            _projects(world, period, projects)
        _power(world, period)
        _tasks(world, period)
        _visits(world, period)
        _parameters(world, period)
    for year in range(world.first.year - 1, world.last.year):
        _rd(world, year)


# -- projects ------------------------------------------------------------------------------------------------------


def _project_plan(world: World) -> list[dict[str, Any]]:
    """Projects with their owner, plan and 万元 a month, over the years of the run and the one before."""
    rng = world.rng(_STREAM)
    firms = world.town.firms
    axis = months(Period(f"{world.first.year - 1:04d}-01"), world.last)
    owners = np.flatnonzero(firms["above_scale"].to_numpy(dtype=bool))
    found = []
    for number in range(max(6, len(firms) // 8)):
        owner = int(owners[rng.integers(0, len(owners))])
        plan = int(rng.integers(6_000, 60_000) if number % 3 == 0 else rng.integers(600, 4_900))
        start = int(rng.integers(0, len(axis)))
        pace = rng.integers(8, 40)
        share = np.zeros(len(axis))
        share[start : start + pace] = rng.gamma(2.0, 1.0, len(share[start : start + pace]))
        spent = np.rint(plan * share / max(share.sum(), 1.0) * rng.uniform(0.5, 1.0)).astype(int)
        found.append({"code": f"0000-{number + 1:06d}", "owner": owner, "plan": plan, "spent": spent, "start": start,
                      "axis": axis, "upgrade": bool(rng.random() < 0.45)})  # fmt: skip
    return found


def _projects(world: World, period: Period, projects: list[dict[str, Any]]) -> None:
    book = Book("固定资产投资项目", world.day(period, 13))
    count = 0
    for form, title in (("206-1", "5000 万元及以上"), ("206-2", "500—5000 万元")):
        rows = [_project(world, period, p) for p in projects if (p["plan"] >= 5000) == (form == "206-1")]
        rows = [row for row in rows if row]
        page = book.sheet(form)
        page.set_column(0, len(_PROJECTS) - 1, 16)
        page.merge_range(0, 0, 0, len(_PROJECTS) - 1, f"{form} 固定资产投资项目情况（{title}，模拟数据）", book.title)
        page.write_string(1, 0, f"报告期：{period.label}", book.note)
        page.write_string(1, 6, "计量单位：万元", book.note)
        _table(book, page, 2, _PROJECTS, rows)
        if rows:
            total: list[Any] = ["合计", "", "", "", *(sum(row[place] for row in rows) for place in (4, 5, 6, 7))]
            _line(book, page, 3 + len(rows), total)
        count += len(rows) + bool(rows)
    _land(world, period, 13, "投资项目", "investment", book.content(), count)


def _project(world: World, period: Period, project: dict[str, Any]) -> list[Any]:
    axis = project["axis"]
    at = period.ordinal - axis[0].ordinal
    if project["start"] > at:
        return []
    spent, begin = project["spent"], at - period.month + 1
    ytd, before = int(spent[begin : at + 1].sum()), int(spent[begin - 12 : at - 11].sum())
    if not ytd and not before:
        return []
    firm = world.town.firms.iloc[project["owner"]]
    done = spent[at + 1 :].sum() == 0
    return [
        project["code"], f"{firm['name'][:4]}{'技术改造' if project['upgrade'] else '新建厂房'}项目", firm["uscc"],
        firm["name"], project["plan"], ytd, before, int(spent[at]), "是" if project["upgrade"] else "否",
        firm["industry"], str(axis[project["start"]]), "已投产" if done else "在建",
    ]  # fmt: skip


# -- power ---------------------------------------------------------------------------------------------------------


def _power(world: World, period: Period) -> None:
    """Kilowatt-hours of every firm on the register, whether it reports or not; two merged heading lines."""
    town, economy, at = world.town, world.economy, world.economy.at(period)
    which = np.flatnonzero(town.reporting(period))
    begin = at - period.month + 1
    month, before = economy.month["power"] * 100, economy.last_year["power"] * 100
    book = Book("企业用电量", world.day(period, 9), in_order=False)
    page = book.sheet("用电量")
    page.set_column(0, 8, 18)
    page.merge_range(0, 0, 0, 8, f"清溪镇企业用电量（{period.label}，模拟数据）", book.title)
    for place, text in ((0, "用户编号"), (1, "用户名称"), (2, "统一社会信用代码"), (7, "联系人"), (8, "联系电话")):
        page.merge_range(1, place, 2, place, text, book.header)
    page.merge_range(1, 3, 1, 6, "用电量（千瓦时）", book.header)
    for place, text in enumerate(("本月", "上年同期", "累计", "上年同期累计"), start=3):
        page.write_string(2, place, text, book.header)
    rows = [
        [f"{firm + 1:010d}", town.firms["name"].iloc[firm], town.firms["uscc"].iloc[firm], int(month[firm, at]),
         int(before[firm, at]), int(month[firm, begin : at + 1].sum()), int(before[firm, begin : at + 1].sum()),
         f"联系人{firm + 1:04d}", f"0000-000{firm + 1:04d}"]
        for firm in which.tolist()
    ]  # fmt: skip
    for number, row in enumerate(rows, start=3):
        _line(book, page, number, row)
    _land(world, period, 9, "企业用电量", "power", book.content(), len(rows))


# -- tasks and visits ----------------------------------------------------------------------------------------------


def _tasks(world: World, period: Period) -> None:
    pace = world.rng(_STREAM + 1).uniform(1.0, 6.0, 64)
    passed = period.ordinal - world.first.ordinal + 1
    departments = tasks().departments
    rows: list[list[Any]] = []
    for task in tasks().tasks:
        for lead in task.lead:
            percent = min(100, max(2, int(passed * pace[len(rows)])))
            state = _STATES[3 if percent == 100 else 0 if percent < 3 else 2 if pace[len(rows)] < 1.8 else 1]
            behind = state == "进度滞后"
            problem = "协调事项较多，进度偏慢。" if behind else ""
            rows.append([task.clause, task.title, departments[lead], f"本月继续推进，累计完成 {percent}%。", percent,
                         state, problem, "按计划推进。", f"联系人{len(rows) + 1:04d}"])  # fmt: skip
    book = Book("任务进展", world.day(period, 10))
    page = book.sheet("任务进展")
    page.set_column(0, len(_TASKS) - 1, 16)
    page.merge_range(0, 0, 0, len(_TASKS) - 1, f"行动方案任务进展情况（{period.label}，模拟数据）", book.title)
    _table(book, page, 1, _TASKS, rows)
    _land(world, period, 10, "任务进展", "tasks", book.content(), len(rows))


def _visits(world: World, period: Period) -> None:
    rng = world.rng(_STREAM + 2, period)
    firms = world.town.firms[world.town.listed_at(period)]
    rows: list[list[Any]] = []
    days = np.sort(rng.choice(np.arange(1, 27), size=6, replace=False)).tolist()
    for place, firm in enumerate(rng.integers(0, len(firms), 6).tolist()):
        words, kind = _APPEALS[int(rng.integers(0, len(_APPEALS)))] if rng.random() < 0.8 else ("", "")
        day = date(period.year, period.month, days[place])
        closed = bool(words) and bool(rng.random() < 0.6)
        state = "" if not words else "已办结" if closed else "办理中"
        closing = ("已对接有关单位。", day.replace(day=28).isoformat()) if closed else ("", "")
        rows.append([day.isoformat(), firms["name"].iloc[firm], firms["uscc"].iloc[firm],
                     _OFFICES[int(rng.integers(0, 3))], f"走访人{place + 1:04d}", words, kind, state,
                     *closing])  # fmt: skip
    _land(
        world, period, 10, "走访诉求台账", "visits", _csv(["走访诉求台账（模拟数据）"], _VISITS, rows), len(rows), "csv"
    )


def _parameters(world: World, period: Period) -> None:
    rng = world.rng(_STREAM + 3, period)
    rate = world.economy.rate[world.economy.at(period)]
    rows = [
        [str(period), "工业增加值率", "全镇", f"{22.5 + rng.normal(0, 0.3):.1f}", "模拟上级"],
        [str(period), "工业生产者出厂价格指数", "全镇", f"{99.2 + rng.normal(0, 0.8):.1f}", "模拟上级"],
        [str(period), "人民币汇率", "全镇", f"{rate:.4f}", "模拟中间价"],
    ]
    content = _csv(["月度核算参数（模拟数据）"], _PARAMETERS, rows)
    _land(world, period, 16, "月度参数", "parameters", content, len(rows), "csv")


def _rd(world: World, year: int) -> None:
    """R&D of a year: the research expense of the returns and the people it would pay."""
    economy, town = world.economy, world.town
    december = Period(f"{year:04d}-12")
    which = np.flatnonzero(town.reporting(december)).tolist()
    axis = np.array([p.year for p in economy.axis])
    spent = economy.month["rd_expense"][:, axis == year].sum(axis=1)
    held = np.where(town.firms["rd_year"] <= year, "有", "无")
    rows = [
        [town.firms["uscc"].iloc[firm], town.firms["name"].iloc[firm], int(spent[firm]),
         round(float(spent[firm]) / 180, 1), str(held[firm]), f"填表人{firm + 1:04d}"]
        for firm in which
    ]  # fmt: skip
    day = date(year + 1, 3, 20)
    if not rows or world.landing.first_day is None or day < world.landing.first_day:
        return
    book = Book("研发活动", day)
    page = book.sheet("107")
    page.set_column(0, len(_RD) - 1, 20)
    page.merge_range(0, 0, 0, len(_RD) - 1, f"企业研发活动情况（{year}年度，模拟数据）", book.title)
    page.write_string(1, 0, "计量单位：千元", book.note)
    _table(book, page, 2, _RD, rows)
    document = Document(f"研发活动_{year}.xlsx", "rd_yearly", "sheet", None, book.content(), len(rows))
    world.landing.put(day, document)


# -- writing -------------------------------------------------------------------------------------------------------


def _table(book: Book, page: Any, top: int, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    for place, text in enumerate(header):
        page.write_string(top, place, text, book.header)
    for number, row in enumerate(rows, start=top + 1):
        _line(book, page, number, row)


def _line(book: Book, page: Any, number: int, row: Sequence[Any]) -> None:
    for place, cell in enumerate(row):
        if isinstance(cell, str):
            if cell:
                page.write_string(number, place, cell, book.text)
        else:
            page.write_number(number, place, cell, book.text)


def _csv(top: Sequence[str], header: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    stream = StringIO()
    csv.writer(stream, lineterminator="\r\n").writerows([top, header, *rows])
    return stream.getvalue().encode("gb18030")


def _land(
    world: World, period: Period, day: int, name: str, feed: str, content: bytes, count: int, kind: str = "xlsx"
) -> None:
    name = f"{name}_{period.replace('-', '')}.{kind}"
    world.landing.put(world.day(period, day), Document(name, feed, "sheet", period, content, count))
