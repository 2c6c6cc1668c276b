"""The bonded centre at reading: which documents live, pockets, borders, stock; against plain Python and by hand."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date

import numpy as np
import pandas as pd
import pytest

from qxmonitor.period import Period
from qxmonitor.signals import judge
from qxmonitor.warehouse import Warehouse, asof, bonded
from qxmonitor.warehouse.load import load
from qxmonitor.warehouse.panel import read_panel

LIVING = ("declared", "approved", "passed")
RANK = ["staged", "declared", "returned", "approved", "passed"]


def copy(text, firm, document, *, status="approved", on=5, change=0, inner=None, before=None, usd=(1.0,), mode="6033",
         flow="I", transport=None, period="2026-03", pocket=None, headless=False):  # fmt: skip
    """A copy of an inventory (or a pocket of it): a dict that both the loader and the model read."""
    return {
        "text": text, "firm": firm, "document": document,
        "events": [("inventory", document, before, status, on, change)],
        "change": change, "inner": inner, "usd": usd, "mode": mode, "flow": flow, "transport": transport,
        "period": period, "pocket": pocket, "headless": headless,
    }  # fmt: skip


def answer(text, document, status, on, *, change=0, before=None):
    """A bare answer of customs: events alone."""
    return {"text": text, "firm": None, "events": [("inventory", document, before, status, on, change)], "pocket": None,
            "headless": False}  # fmt: skip


def item(make, file, day):
    tables = {}
    if file["firm"]:
        head = {
            "subject": file["firm"], "period": file["period"], "document": file["document"],
            "declared_on": date.fromisoformat(file["period"] + "-05"), "flow": file["flow"],
            "living": file["events"][0][3] in LIVING, "mode": file["mode"], "transport": file["transport"],
            "inner_no": file["inner"], "change": file["change"],
        }  # fmt: skip
        mine = dict.fromkeys(head) if file["headless"] else head
        first = 100 * (file["pocket"][1] if file["pocket"] else 0)
        lines = [{"sheet": "", "row": first + n, **mine, "hs": "95030083", "usd": usd}
                 for n, usd in enumerate(file["usd"], start=1)]  # fmt: skip
        tables["bonded_line"] = pd.DataFrame(lines).astype({"change": "Int64"})
        if file["pocket"]:
            message, number, total = file["pocket"]
            row = {
                "sheet": "表头",
                "row": 1,
                "message": message,
                "pocket": number,
                "pockets": total,
                "kind": "inventory",
            }
            tables["bonded_pocket"] = pd.DataFrame([row | mine]).astype({"change": "Int64"})
    if not file["headless"]:
        events = [
            {"sheet": "表头", "row": n, "kind": kind, "document": number, "before": before, "status": status,
             "on_day": date(2026, 3, on), "change": change}
            for n, (kind, number, before, status, on, change) in enumerate(file["events"], start=1)
        ]  # fmt: skip
        tables["bonded_status"] = pd.DataFrame(events)
    table = next(iter(tables))
    batch = make.batch(table, [], feed="bonded_inv101", more=tables, lines=pd.DataFrame({"sheet": [], "row": []}))
    return make.item(file["text"], day, batch)


def registered(make):
    return make.item(
        "register", 0, make.register({make.A: {"ownership": "私营企业"}, make.B: {"ownership": "国有控股企业"}})
    )


# -- the model: the words of the rule, in plain loops ----------------------------------------------------------------


def readable(arrivals, make, known_day):
    """(newness, file) of what may be read: whole messages, and pockets of messages that are all there."""
    first_known = {}
    for day, file in arrivals:
        if day <= known_day:
            first_known[file["text"]] = min(day, first_known.get(file["text"], day))
    files = {file["text"]: file for _, file in arrivals}
    order = {text: (day, make.sha(text)) for text, day in first_known.items()}
    found, parts = [], defaultdict(dict)
    for text, newness in order.items():
        pocket = files[text]["pocket"]
        if pocket is None:
            found.append((newness, files[text]))
        else:
            message, number, total = pocket
            mine = parts[message, total]
            mine[number] = max(mine.get(number, (newness, text)), (newness, text))
    for (_, total), mine in parts.items():
        if len(mine) == total:
            newest = max(newness for newness, _ in mine.values())
            found += [(newest, files[text]) for _, text in mine.values()]
    return found


def model(arrivals, make, known_day):
    """(entity, document) → usd of what counts."""
    files = readable(arrivals, make, known_day)
    events = [event for _, file in files if not file["headless"] for event in file["events"]]
    names = {}
    for _, document, before, *_ in events:
        if before:
            names[before] = max(document, names.get(before, ""))
    by_filing, ended = defaultdict(list), set()
    for _, document, _, status, on, change in events:
        number = names.get(document, document)
        if status in ("deleted", "voided"):
            ended.add(number)
        elif status in RANK:
            by_filing[number, change].append((on, RANK.index(status), status))
    heads = {file["pocket"][0]: file for _, file in files if file["pocket"] and not file["headless"]}
    versions = defaultdict(lambda: defaultdict(list))
    about = {}
    for newness, file in files:
        if not file["firm"]:
            continue
        head = heads[file["pocket"][0]] if file["headless"] else file
        number = names.get(head["document"], head["document"])
        last = by_filing.get((number, head["change"]))
        alive = number not in ended and (max(last)[2] if last else head["events"][0][3]) in LIVING
        versions[number][newness].extend(file["usd"])
        about[number, newness] = (alive, head["firm"], head["inner"])
    chosen = {}
    for number, of in versions.items():
        alive = [newness for newness in of if about[number, newness][0]]
        if alive:
            chosen[number] = max(alive)
    found = {}
    for number, newness in chosen.items():
        _, firm, inner = about[number, newness]
        again = [other for n, other in chosen.items() if inner and about[n, other][1:] == (firm, inner)]
        if not again or newness == max(again):
            found[firm, number] = sum(versions[number][newness])
    return found


def counted(wh, **when):
    frame = asof.read(wh, "bonded_line", **when)
    frame = frame[frame["living"]]
    return {key: usd for key, usd in frame.groupby(["entity", "document"])["usd"].sum().items()}


def random_files(make, seed):
    dice = random.Random(seed)
    files = []
    for serial in range(6):
        firm, document = dice.choice([make.A, make.B]), f"QD{serial}"
        inner = dice.choice([None, "IN0", "IN1"])
        before = dice.choice([None, f"PRE{serial}"])
        if dice.random() < 0.4:
            shuffled = [copy(f"{document}/{n}", firm, document, inner=inner, usd=(2.0**serial,),
                             on=dice.randrange(1, 9), status=dice.choice(["declared", "approved"]), headless=n > 1,
                             pocket=(f"M{serial}", n, 3)) for n in (1, 2, 3)]  # fmt: skip
            files += shuffled[: dice.choice([2, 3, 3])]
            if dice.random() < 0.5:
                files.append({**shuffled[1], "text": f"{document}/2 again", "usd": (1000.0,)})
        else:
            status = dice.choice(["staged", "declared", "approved", "returned"])
            files.append(copy(f"{document} first", firm, before or document, inner=inner, usd=(2.0**serial, 0.5),
                              on=dice.randrange(1, 9), status=status))  # fmt: skip
        if dice.random() < 0.5:
            status = dice.choice(["declared", "returned", "deleted"])
            files.append(copy(f"{document} change", firm, document, inner=inner, change=1, usd=(3.0**serial,),
                              on=dice.randrange(1, 9), status=status))  # fmt: skip
        for n in range(dice.randrange(3)):
            status = dice.choice(["approved", "returned", "declared", "asked", "kept", "deleted", "voided"])
            files.append(answer(f"{document} answer {n}", document, status, dice.randrange(1, 9), before=before,
                                change=dice.choice([0, 1])))  # fmt: skip
    return [(dice.randrange(1, 5), file) for file in files]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2, *(pytest.param(seed, marks=pytest.mark.long) for seed in (3, 4, 5))])
def test_what_counts_agrees_with_the_model_in_any_order(embedded, make, new_database, seed):
    arrivals = random_files(make, seed)
    for turn in range(2):
        random.Random(seed + turn).shuffle(arrivals)
        with Warehouse(new_database()) as wh:
            load(wh, [registered(make)])
            for start in range(0, len(arrivals), 4):
                receipts = load(wh, [item(make, file, day) for day, file in arrivals[start : start + 4]])
                assert {receipt["state"] for receipt in receipts} == {"accepted"}
            for day in (1, 2, 3, 4):
                assert counted(wh, known_at=make.day(day)) == model(arrivals, make, day), day


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_once_all_is_known_the_days_of_arrival_of_words_do_not_matter(embedded, make, new_database, seed):
    """Whole messages, one filing each: what customs said decides, not when it reached the office."""
    dice = random.Random(seed)
    files = [copy(f"c{n}", make.A, f"QD{n}", status="declared", on=2, usd=(2.0**n,)) for n in range(5)]
    for n in range(5):
        for turn in range(dice.randrange(1, 4)):
            status = dice.choice(["approved", "returned", "declared", "deleted"])
            files.append(answer(f"a{n} {turn}", f"QD{n}", status, dice.randrange(3, 9)))
    ends = []
    for _ in range(3):
        with Warehouse(new_database()) as wh:
            load(wh, [registered(make), *(item(make, file, dice.randrange(1, 9)) for file in files)])
            ends.append(counted(wh))
    assert ends[0] == ends[1] == ends[2]


# -- by hand ------------------------------------------------------------------------------------------------------


def test_a_deletion_counts_from_the_day_it_is_known(warehouse, make):
    files = [(1, copy("c", make.A, "QD1")), (9, answer("d", "QD1", "deleted", 2))]
    load(warehouse, [registered(make), *(item(make, file, day) for day, file in files)])
    assert counted(warehouse, known_at=make.day(8)) == {(make.A, "QD1"): 1.0}
    assert counted(warehouse) == {}


def test_a_returned_change_leaves_what_was_approved(warehouse, make):
    files = [
        copy("c0", make.A, "QD1", usd=(7.0,)),
        copy("c1", make.A, "QD1", status="returned", change=1, usd=(9.0,), on=8),
    ]
    load(warehouse, [registered(make), *(item(make, file, 1 + n) for n, file in enumerate(files))])
    assert counted(warehouse) == {(make.A, "QD1"): 7.0}


def test_the_same_internal_number_of_a_firm_counts_once_whatever_the_month(warehouse, make):
    files = [
        copy("a", make.A, "QD1", inner="IN1", period="2026-02", usd=(1.0,)),
        copy("b", make.A, "QD2", inner="IN1", usd=(2.0,)),
        copy("c", make.B, "QD3", inner="IN1", usd=(4.0,)),
    ]
    load(warehouse, [registered(make), *(item(make, file, 1 + n) for n, file in enumerate(files))])
    assert counted(warehouse) == {(make.A, "QD2"): 2.0, (make.B, "QD3"): 4.0}
    assert counted(warehouse, last="2026-02") == {}
    load(warehouse, [item(make, answer("d", "QD2", "deleted", 9), 8)])
    assert counted(warehouse) == {(make.A, "QD1"): 1.0, (make.B, "QD3"): 4.0}, "the first lives again"


def test_pockets_count_only_together_and_are_listed_until_then(warehouse, make):
    parts = [copy(f"p{n}", make.A, "QD1", usd=(10.0**n,), pocket=("M1", n, 3), headless=n == 2) for n in (1, 2, 3)]
    load(warehouse, [registered(make), item(make, parts[2], 2), item(make, parts[1], 3)])
    assert counted(warehouse) == {}
    waiting = bonded.incomplete(warehouse).iloc[0]
    assert (waiting["document"], waiting["pockets"], waiting["here"], waiting["missing"]) == ("QD1", 3, "2、3", 1)
    load(warehouse, [item(make, parts[0], 5)])
    assert counted(warehouse) == {(make.A, "QD1"): 1110.0} and bonded.incomplete(warehouse).empty
    assert counted(warehouse, known_at=make.day(4)) == {}
    assert len(bonded.incomplete(warehouse, known_at=make.day(4))) == 1


def test_a_pocket_without_a_head_is_withheld_with_its_unknown_owner(warehouse, make):
    parts = [copy(f"p{n}", make.C, "QD1", pocket=("M1", n, 2), headless=n == 2) for n in (1, 2)]
    load(warehouse, [registered(make), *(item(make, part, 1) for part in parts)])
    rows = warehouse.frame('select "row", subject from reads.withheld order by 1')
    assert rows.to_numpy().tolist() == [[101, make.C], [201, make.C]]


def test_value_by_border_is_never_added_up(warehouse, make):
    files = [
        copy("a", make.A, "QD1", usd=(1.0,)),
        copy("b", make.A, "QD2", usd=(2.0,), transport="W"),
        copy("c", make.A, "QD3", usd=(4.0,), mode="5034", flow="E"),
        copy("d", make.A, "QD4", usd=(8.0,), mode="1210", flow="E"),
        copy("e", make.A, "QD5", usd=(16.0,), mode="0110"),
        copy("f", make.A, "QD6", usd=(32.0,), status="returned"),
    ]
    load(warehouse, [registered(make), *(item(make, file, 1) for file in files)])
    row = bonded.months(warehouse).iloc[0]
    assert row[["entity", "ownership", *bonded.TICKETS]].tolist() == [make.A, "私营企业", 5, 2, 2]
    assert row[bonded.MONEY].tolist() == [1.0, 8.0, 2.0, 4.0, 16.0]
    assert row[["stock_usd", "days", "overdue"]].isna().all(), "no ledger is no zero"
    panel = read_panel(warehouse, Period("2026-03"), months=1)
    names = ["tickets", "in_usd", "out_usd", "in_abroad_usd", "out_abroad_usd", "in_domestic_usd", "out_domestic_usd"]
    found = [panel.values[f"bonded.{name}"][panel.firms.index.get_loc(make.A), 0] for name in names]
    assert found == [5.0, 19.0, 12.0, 1.0, 8.0, 2.0, 4.0]
    shares = bonded.by_ownership(bonded.months(warehouse))
    assert shares[["period", "ownership", "firms", "tickets"]].to_numpy().tolist() == [["2026-03", "私营企业", 1, 5]]


def ledger(make, text, day, rows, *, pocket=None, subject="name:某仓储", period="2026-03"):
    lines = [
        {"subject": subject, "period": period, "account": "T1", "ledger": f"T1 {period}", "hs": "95030083",
         "unit": "035", "in_on": date(2026, 3, 1), "limit_on": None, "document": None, "increased": None,
         "reduced": None, "reserved": None, "usd": None, "price_usd": None, **row}
        for row in rows
    ]  # fmt: skip
    frame = pd.DataFrame(lines)
    numbers = ["increased", "reduced", "reserved", "usd", "price_usd"]
    frame[numbers] = frame[numbers].astype("float64")
    more = {}
    if pocket:
        row = {"sheet": "表头", "row": 1, "message": "L1", "pocket": pocket[0], "pockets": pocket[1], "kind": "ledger"}
        more["bonded_pocket"] = pd.DataFrame([row])
    batch = make.batch("bonded_stock", frame.to_dict("records"), feed="bonded_stock", more=more, period=period)
    return make.item(text, day, batch)


def test_stock_at_a_months_end_by_hand(warehouse, make):
    owners = [copy("a", make.A, "QD1", period="2026-01"), copy("b", make.B, "QD2", status="deleted", period="2026-01")]
    rows = [
        {"document": "QD1", "increased": 100.0, "reduced": 30.0, "reserved": 10.0, "usd": 600.0,
         "in_on": date(2026, 3, 1), "limit_on": date(2026, 3, 30)},                                # 60 left, 30 days
        {"document": "QD1、QD9", "increased": 5.0, "usd": 200.0, "in_on": date(2026, 3, 21),
         "limit_on": date(2026, 3, 31)},                                                           # 5 left, 10 days
        {"document": "QD1", "increased": 7.0, "reduced": 7.0, "usd": 99.0},                       # used up
        {"document": "QD2", "price_usd": 2.0, "increased": 4.0, "reserved": 1.0, "in_on": None},  # 3 left, 6 dollars
        {"document": "QD2", "usd": 50.0, "in_on": date(2026, 2, 19), "unit": None},               # unknown quantity
        {"document": "QD1、QD2", "increased": 1.0, "usd": 1000.0},                                # two owners: nobody's
    ]  # fmt: skip
    load(warehouse, [registered(make), *(item(make, file, 1) for file in owners), ledger(make, "l", 40, rows)])
    found = bonded.months(warehouse, first=Period("2026-03"), last=Period("2026-03")).set_index("entity")
    columns = ["stock_lines", "stock_quantity", "stock_usd", "days", "overdue", "overdue_usd", "tickets"]
    # (600 × 30 + 200 × 10) / 800 = 25 days; only the limit of 30 March lies before the 31st
    assert found.loc[make.A, columns].tolist() == [2, 65.0, 800.0, 25.0, 1, 600.0, 0]
    b = found.loc[make.B]
    assert (b["stock_lines"], b["stock_usd"], b["days"]) == (2, 56.0, 40.0) and pd.isna(b["stock_quantity"])
    nobody = found[found.index.isna()].iloc[0]
    assert (nobody["stock_lines"], nobody["stock_usd"], nobody["days"]) == (1, 1000.0, 30.0)


def test_a_ledger_delivered_without_an_owners_goods_says_that_nothing_is_left(warehouse, make):
    """A share of nothing is no figure, but it is a verdict: nothing is overdue. A missing ledger says nothing."""
    owners = [copy("a", make.A, "QD1", period="2026-01"), copy("b", make.B, "QD2", period="2026-01")]
    goods = {"document": "QD1", "increased": 1.0, "usd": 10.0, "limit_on": date(2026, 1, 1)}
    others = goods | {"document": "QD2", "limit_on": None, "hs": "85340010"}
    lines = {
        "2026-03": [goods, others],
        "2026-04": [goods | {"reduced": 1.0}, others],  # used up
        "2026-06": [others],  # not there any more; and no ledger at all in May
        "2026-07": [others, goods | {"document": "QD1、QD2"}],  # the same goods, whose is not known
    }
    ledgers = [ledger(make, f"l{p}", 40 + n, rows, period=p) for n, (p, rows) in enumerate(lines.items())]
    other = [{"document": "QD2", "increased": 1.0, "usd": 1.0, "account": "T2", "ledger": "T2 2026-05"}]
    load(warehouse, [registered(make), *(item(make, file, 1) for file in owners), *ledgers,
                     ledger(make, "t2", 50, other, period="2026-05")])  # fmt: skip
    panel = read_panel(warehouse, Period("2026-07"), months=12)
    months = [str(p) for p in panel.months]
    row = list(panel.firms.index).index(make.A)
    empty = panel.values["stock.empty"][row]
    assert [p for p, one in zip(months, empty, strict=True) if one == 1] == ["2026-04", "2026-06"]
    found = judge(panel, panel.months[-5:], ["bonded_overdue"])
    mine = found[found["entity"] == make.A]
    assert dict(zip(mine["period"], mine["level"], strict=True)) == {"2026-03": 4, "2026-04": 0, "2026-06": 0}
    assert "账册已报，期末没有结存货物" in mine["evidence"].iloc[1] and "value" not in mine["evidence"].iloc[1]
    assert not np.isfinite(panel.values["stock.empty"][list(panel.firms.index).index(make.B)]).any()


def test_the_centres_operator_is_not_the_owner_of_what_it_keeps(warehouse, make):
    rows = [{"increased": 1.0, "usd": 10.0, "operator": True}]
    load(warehouse, [registered(make), ledger(make, "l", 40, rows, subject=make.A)])
    found = bonded.months(warehouse)
    assert found["entity"].isna().all() and found[["name", "stock_usd"]].to_numpy().tolist() == [["货主不明", 10.0]]


def test_a_newer_ledger_replaces_the_month_and_pockets_only_when_whole(warehouse, make):
    first = ledger(make, "l1", 40, [{"increased": 1.0, "usd": 10.0}], subject=make.A)
    parts = [ledger(make, f"l2/{n}", 41 + n, [{"increased": 1.0, "usd": 100.0 * n}], pocket=(n, 2),
                    subject=make.A if n == 1 else None) for n in (1, 2)]  # fmt: skip
    load(warehouse, [registered(make), first, parts[0]])
    assert bonded.months(warehouse)["stock_usd"].tolist() == [10.0]
    load(warehouse, [parts[1]])
    assert bonded.months(warehouse)[["entity", "stock_usd"]].to_numpy().tolist() == [[make.A, 300.0]]
    assert bonded.months(warehouse, known_at=make.day(42))["stock_usd"].tolist() == [10.0]


def test_nothing_known_is_no_row(warehouse):
    assert bonded.months(warehouse).empty and bonded.incomplete(warehouse).empty
    assert bonded.by_ownership(bonded.months(warehouse)).empty
