"""A column that a file does not deliver says nothing: earlier figures of it stand, in any order, as of any time."""

from __future__ import annotations

import random
from typing import Any

import pandas as pd
import pytest

from qxmonitor import revisions
from qxmonitor.catalog.items import items
from qxmonitor.feeds.base import REJECT_COLUMNS
from qxmonitor.period import Period
from qxmonitor.settings import ROOT
from qxmonitor.trace.places import Places
from qxmonitor.warehouse import Warehouse, asof, decided
from qxmonitor.warehouse.core import run
from qxmonitor.warehouse.load import load
from qxmonitor.warehouse.panel import read_panel
from tests.warehouse.conftest import Make

COLUMNS = ["output_m", "output_ytd", "sales_m"]
BY = {"who": "某", "why": "某"}
MARCH = Period("2026-03")
LETTERS = dict(zip(COLUMNS, "DEF", strict=True))
Figures = dict[str, dict[str, float | None]]


def item(text: str, day: int, columns: list[str], figures: Figures, sheet: str = "Sheet1") -> Any:
    """An export of March that delivers some columns; None is an empty cell of one that is delivered."""
    rows = [
        {"sheet": sheet, "subject": firm, "period": "2026-03", **dict.fromkeys(COLUMNS), **said}
        for firm, said in figures.items()
    ]
    batch = Make.batch("output_return", rows)
    told = batch.tables["output_return"]
    batch.tables["output_return"] = told.astype(dict.fromkeys(told.columns[4:], "float64"))
    batch.cells = {f"{sheet}|subject": "A"} | {f"{sheet}|{name}": LETTERS[name] for name in columns}
    return Make.item(text, day, batch)


def town(wh: Warehouse) -> None:
    load(wh, [Make.item("register", 0, Make.register({Make.A: {"since": "2020-01"}, Make.B: {"since": "2020-01"}}))])


def read(wh: Warehouse, **when: Any) -> dict[tuple[str, str], float | None]:
    frame = asof.read(wh, "output_return", **when)
    assert not frame.duplicated(["entity", "period"]).any()
    assert asof.BORROWED not in frame
    plain = frame.set_index("entity")[COLUMNS].astype(object)
    return {(firm, name): None if pd.isna(v) else v for firm, row in plain.iterrows() for name, v in row.items()}


def arrivals_of(dice: random.Random) -> list[tuple[str, int, list[str], Figures]]:
    """Files that deliver some columns, of one or two firms, some cells empty; two arrive twice."""
    made = []
    for number in range(7):
        columns = sorted(dice.sample(COLUMNS, dice.randrange(1, 4)))
        firms = dice.sample([Make.A, Make.B], dice.randrange(1, 3))
        figures = {
            firm: {name: dice.choice([None, float(dice.randrange(1000)), 0.1 + dice.random()]) for name in columns}
            for firm in sorted(firms)
        }
        made.append((f"file{number}", dice.randrange(5), columns, figures))
    return [*made, *((text, dice.randrange(5), *rest) for text, _, *rest in dice.sample(made, 2))]  # type: ignore[misc]


def expected(
    arrivals: list[tuple[str, int, list[str], Figures]], day: int, gone: set[str]
) -> dict[tuple[str, str], float | None]:
    """By the words of the rule: of each field the newest file known that delivers it and has the firm."""
    first: dict[str, int] = {}
    for text, at, *_ in arrivals:
        first[text] = min(at, first.get(text, at))
    content = {text: (columns, figures) for text, _, columns, figures in arrivals}
    found: dict[tuple[str, str], float | None] = {}
    for text in sorted(first, key=lambda t: (first[t], Make.sha(t))):  # oldest first: what comes later overwrites
        if first[text] <= day and text not in gone:
            columns, figures = content[text]
            for firm, said in figures.items():
                for name in COLUMNS:
                    found[firm, name] = said[name] if name in columns else found.get((firm, name))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_each_field_is_the_newest_delivered_in_any_order_of_loading_with_files_withdrawn_and_sent_twice(
    warehouse: Warehouse, seed: int
) -> None:
    dice = random.Random(seed)
    arrivals = arrivals_of(dice)
    town(warehouse)
    frozen, loaded = [], []
    for number, (text, day, columns, figures) in enumerate(dice.sample(arrivals, len(arrivals))):
        load(warehouse, [item(text, day, columns, figures)])
        loaded.append((text, day, columns, figures))
        if number == 4:
            frozen = [(warehouse.newest_recorded(), list(loaded))]
    gone = {text for text, *_ in dice.sample(arrivals, 2)}
    for text in sorted(gone):
        decided.flag(warehouse, Make.sha(text), "withdraw", known_at=Make.day(3), **BY)

    for day in range(6):
        then = gone if day >= 3 else set()
        assert read(warehouse, known_at=Make.day(day)) == expected(arrivals, day, then), f"day {day}"
    for recorded_at, there in frozen:
        assert read(warehouse, recorded_at=recorded_at) == expected(there, 9, set())


@pytest.mark.parametrize("turned", [False, True])
def test_a_return_filed_again_without_a_column_keeps_the_earlier_figures_and_an_empty_cell_takes_them_away(
    warehouse: Warehouse, turned: bool
) -> None:
    town(warehouse)
    whole = item("whole", 100, COLUMNS, {Make.A: {"output_m": 4.0, "output_ytd": 9.0, "sales_m": 0.1 + 0.2},
                                         Make.B: {"output_m": 7.0, "output_ytd": 8.0, "sales_m": 6.0}})  # fmt: skip
    part = item("part", 110, ["output_m", "output_ytd"], {Make.A: {"output_m": 5.0, "output_ytd": None}}, "表二")
    for arrival in [part, whole] if turned else [whole, part]:
        load(warehouse, [arrival])

    panel = read_panel(warehouse, MARCH, months=1)
    values = {name: panel.values[f"returns.{name}"][:, 0].tolist() for name in COLUMNS}
    assert values["output_m"] == [5.0, 7.0]
    assert values["sales_m"] == [0.1 + 0.2, 6.0], "to the last digit"
    assert pd.isna(values["output_ytd"][0]), "an empty cell of a column that is delivered is a statement"
    assert values["output_ytd"][1] == 8.0
    before = read_panel(warehouse, MARCH, months=1, known_at=Make.day(105))
    assert before.values["returns.output_m"][:, 0].tolist() == [4.0, 7.0]

    def traced(measure: str) -> set[tuple[str, str, str, float]]:
        found = pd.concat(Places(warehouse, None).measure("returns", measure, {MARCH}, pd.Index([Make.A]), {}))
        return set(zip(found["file"], found["sheet"], found["cell"], found["value"], strict=True))

    assert traced("sales_m") == {("/landing/whole.xlsx", "Sheet1", "F4", 0.1 + 0.2)}
    assert traced("output_m") == {("/landing/part.xlsx", "表二", "D4", 5.0)}

    rows = revisions.rows(warehouse, MARCH, since=Make.day(105), until=Make.day(115))
    moved = {row["measure"]: row for row in rows if row["what"] == "figure"}
    assert moved.keys() == {"output_m", "output_ytd"}, "what is not delivered does not change"
    assert (moved["output_ytd"]["after"], moved["output_ytd"]["after_cell"]) == (None, "E4")
    assert (moved["output_m"]["before_cell"], moved["output_m"]["after_cell"]) == ("D4", "D4")

    decided.flag(warehouse, Make.sha("whole"), "withdraw", known_at=Make.day(120), **BY)
    rows = revisions.rows(warehouse, MARCH, since=Make.day(115), until=Make.day(125))
    sales = next(row for row in rows if row["what"] == "figure" and row["measure"] == "sales_m" and row["before"] < 1)
    assert (sales["kind"], sales["before_file"], sales["before_cell"]) == ("withdrawn", "/landing/whole.xlsx", "F4")
    assert (sales["after"], sales["after_cell"]) == (None, None), "no column there, so no cell"


def test_a_warehouse_of_before_learns_what_its_files_lack(warehouse: Warehouse) -> None:
    every = list(items().columns_of("b204_1"))
    town(warehouse)
    made = [
        item("whole", 1, COLUMNS, {Make.A: dict.fromkeys(every, 1.0)}),
        item("part", 2, ["sales_m"], {Make.A: dict.fromkeys(every) | {"sales_m": 1.0}}),
        item("form", 3, COLUMNS, {Make.A: dict.fromkeys(every)}),
    ]
    for name in every:
        made[0].content.cells |= {f"Sheet1|{name}": "D"}
    made[2].content.cells |= {"Sheet1|output_m": "D4", "Sheet1|output_ytd": "E4", "Sheet1|sales_m": "D9"}
    line = ("Sheet1", 9, "工业销售产值", "number.unreadable", "数字无法识别", "x")
    made[2].content.rejects = pd.DataFrame([line], columns=REJECT_COLUMNS)
    load(warehouse, made)
    loaded = warehouse.frame("select f.sha256, l.fields from file_lack l join file f using (file_id) order by file_id")
    assert dict(zip(loaded["sha256"], loaded["fields"].map(set), strict=True)) == {
        Make.sha("part"): {*every} - {"sales_m"}, Make.sha("form"): {*every} - {*COLUMNS}
    }  # fmt: skip

    script = (ROOT / "sql/migrations/versions/0027_lacks.sql").read_text(encoding="utf-8")
    with warehouse.adbc() as connection:
        run(connection, "delete from file_lack")
        run(connection, script[script.index("insert into") :])
        connection.commit()
    learnt = warehouse.frame("select f.sha256, l.fields from file_lack l join file f using (file_id) order by file_id")
    assert learnt["fields"].iloc[0].tolist() == loaded["fields"].iloc[0].tolist()
    assert set(learnt["fields"].iloc[1]) - set(loaded["fields"].iloc[1]) == {"sales_m"}, "its line was refused"
    assert learnt["sha256"].tolist() == loaded["sha256"].tolist()


ALWAYS = ["subject", "name", "former_names", "since", "above_scale"]
CODES = "select subject, customs_code from reads.register($1, null)"
LISTED = ["group_name", "until", "customs_code", "hightech_firm"]
Entries = dict[str, dict[str, Any]]


def listing(text: str, day: int, columns: list[str], firms: Entries) -> Any:
    """A register that has some of the further columns; the reader fills what it has no column for with blanks."""
    blank = {"group_name": None, "until": None, "customs_code": None, "hightech_firm": False}
    batch = Make.register({firm: blank | {"since": "2020-01"} | said for firm, said in firms.items()})
    batch.cells = {f"Sheet1|{name}": "A" for name in [*ALWAYS, *columns]}
    return Make.item(text, day, batch)


def listings(dice: random.Random) -> list[tuple[str, int, list[str], Entries]]:
    made = []
    for number in range(6):
        columns = sorted(dice.sample(LISTED, dice.randrange(1, 5)))
        firms = sorted(dice.sample([Make.A, Make.B, Make.C], dice.randrange(1, 4)))
        entries = {
            firm: {name: dice.random() < 0.5 if name == "hightech_firm" else
                   dice.choice([None, f"{number}-{firm[-1]}-{name}"]) for name in columns}
            for firm in firms
        }  # fmt: skip
        made.append((f"list{number}", dice.randrange(5), columns, entries))
    return made


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_register_without_a_column_leaves_what_the_earlier_one_says_of_it(warehouse: Warehouse, seed: int) -> None:
    dice = random.Random(seed)
    arrivals = listings(dice)
    for arrival in dice.sample(arrivals, len(arrivals)):
        load(warehouse, [listing(*arrival)])
    gone = dice.choice(arrivals)[0]
    decided.flag(warehouse, Make.sha(gone), "withdraw", known_at=Make.day(3), **BY)

    for day in range(6):
        found: dict[str, dict[str, Any]] = {}
        there = [a for a in arrivals if a[1] <= day and not (day >= 3 and a[0] == gone)]
        for _, _, columns, firms in sorted(there, key=lambda a: (a[1], Make.sha(a[0]))):
            for firm, said in firms.items():
                known = found.setdefault(firm, dict.fromkeys(LISTED) | {"hightech_firm": False})
                known |= {name: said[name] for name in columns}
        frame = asof.read(warehouse, "register_entry", known_at=Make.day(day)).set_index("subject")
        told = {firm: {name: None if pd.isna(row[name]) else row[name] for name in LISTED}
                for firm, row in frame.iterrows()}  # fmt: skip
        assert told == found, f"day {day}"
        codes = warehouse.frame(CODES, Make.day(day))
        assert {s: None if pd.isna(c) else c for s, c in zip(codes["subject"], codes["customs_code"], strict=True)} == {
            firm: said["customs_code"] for firm, said in found.items()
        }, "what customs files are matched by"
