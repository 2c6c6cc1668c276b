"""Loading: counts, duplicates, refusals, origins, identity, concurrency, kills."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pandas as pd
import psycopg
import pytest

from qxmonitor.errors import Refused
from qxmonitor.warehouse import Warehouse, asof, store
from qxmonitor.warehouse.load import load


def count(wh: Warehouse, table: str) -> int:
    return int(wh.frame(f"select count(*) as n from {table}")["n"][0])


def check_books(wh: Warehouse) -> pd.DataFrame:
    """The two sums that must hold for every file, live."""
    receipts, quarantine = store.read_receipts(wh), store.read_quarantine(wh)
    assert (receipts["accepted"] + receipts["rejected"] == receipts["rows_read"]).all()
    files = receipts[receipts["state"] == "accepted"]
    lines = quarantine.drop_duplicates(["file_id", "sheet", "row"]).groupby("file_id").size()
    expected = files.set_index("file_id")["rejected"]
    pd.testing.assert_series_equal(
        lines.reindex(expected.index, fill_value=0), expected, check_names=False, check_dtype=False
    )
    return receipts


def test_a_file_gives_facts_quarantine_control_lines_and_a_receipt(warehouse, make):
    batch = make.output(
        {make.A: 100.0, make.B: float("nan")},
        rejects=[
            ("Sheet1", 9, "工业总产值", "number.unreadable", "不是数字", "abc"),
            ("Sheet1", 9, "出口交货值", "number.unreadable", "不是数字", None),
            ("Sheet1", 9, "出口交货值", "number.unreadable", "不是数字", "again"),
        ],
        control=[("Sheet1", 10, "合计")],
    )
    batch.notes.append("单位：万元，已换算")
    load(warehouse, [make.item("reg", 0, make.register({make.A: {}, make.B: {}}))])
    (receipt,) = load(warehouse, [make.item("a", 1, batch)])
    assert receipt == {
        "file": "/landing/a.xlsx", "sha256": make.sha("a"), "feed": "b204_1", "form": "platform", "period": "2026-03",
        "known_at": "2026-01-02T00:00:00+08:00", "rows_read": 4, "accepted": 3, "rejected": 1, "state": "accepted",
        "reasons": ["单位：万元，已换算"],
    }  # fmt: skip
    facts = warehouse.frame("select subject, output_m, output_ytd, sales_m from output_return order by subject")
    assert facts["output_m"].isna().tolist() == [False, True]
    assert facts["output_m"][0] == 100.0 and facts["sales_m"].isna().all()
    assert store.read_quarantine(warehouse)[["sheet", "row", "field", "raw"]].to_numpy().tolist() == [
        ["Sheet1", 9, "出口交货值", ""], ["Sheet1", 9, "工业总产值", "abc"],
    ]  # fmt: skip
    check_books(warehouse)


def test_the_same_bytes_give_facts_once(warehouse, make):
    batch = make.output({make.A: 1.0})
    states = [r["state"] for r in load(warehouse, [make.item("a", 1, batch), make.item("a", 2, batch, "/copy.xlsx")])]
    assert states == ["accepted", "duplicate"]
    (again,) = load(warehouse, [make.item("a", 0, batch)])
    assert (again["state"], again["rows_read"], again["feed"]) == ("duplicate", 1, "b204_1")
    (told,) = load(warehouse, [make.item("a", 0, "duplicate")])
    assert told["state"] == "duplicate"
    assert count(warehouse, "output_return") == 1
    check_books(warehouse)


def test_a_false_duplicate_is_refused_and_can_be_loaded_later(warehouse, make):
    (receipt,) = load(warehouse, [make.item("a", 0, "duplicate")])
    assert receipt["state"] == "refused" and len(receipt["reasons"]) == 1
    assert load(warehouse, [make.item("a", 0, make.output({make.A: 1.0}))])[0]["state"] == "accepted"


@pytest.mark.parametrize("content", [Refused("文件已加密"), "文件已加密", ["文件已加密"]])
def test_a_refused_file_leaves_a_receipt_only_and_may_be_retried(warehouse, make, content):
    refused, fine = load(warehouse, [make.item("a", 0, content), make.item("b", 0, make.output({make.A: 1.0}))])
    assert (refused["state"], refused["reasons"], refused["rows_read"]) == ("refused", ["文件已加密"], 0)
    assert refused["feed"] is None and fine["state"] == "accepted"
    assert load(warehouse, [make.item("a", 0, make.output({make.B: 1.0}))])[0]["state"] == "accepted"
    check_books(warehouse)


def test_a_warehouse_never_mixes_simulated_and_real(warehouse, make):
    reference = make.batch(
        "reference_point",
        [{"series": "X", "name": "", "frequency": "月", "unit": "%", "source": "s", "period": "2026-01", "value": 1.5}],
        feed="reference", origin=None,
    )  # fmt: skip
    states = load(
        warehouse,
        [
            make.item("ref", 0, reference),
            make.item("sim", 0, make.output({make.A: 1.0})),
            make.item("real", 0, make.output({make.A: 2.0}, origin="real")),
            make.item("sim2", 0, make.output({make.B: 2.0})),
        ],
    )
    assert [s["state"] for s in states] == ["accepted", "accepted", "refused", "accepted"]
    assert "不得混存" in states[2]["reasons"][0]
    (later,) = load(warehouse, [make.item("real2", 0, make.output({make.A: 2.0}, origin="real"))])
    assert later["state"] == "refused"
    assert count(warehouse, "output_return") == 2


def test_a_readers_fault_costs_one_file(warehouse, make):
    broken = make.output({make.A: 1.0})
    broken.tables["output_return"] = pd.concat([broken.tables["output_return"]] * 2)
    bad, good = load(warehouse, [make.item("a", 0, broken), make.item("b", 0, make.output({make.B: 1.0}))])
    assert (bad["state"], good["state"]) == ("refused", "accepted")


def test_text_that_postgres_cannot_hold_and_odd_names_survive(warehouse, make):
    rows = make.register({make.A: {"name": "a\0b<script>'\";--甲", "group_name": None, "leader": float("nan")}})
    load(warehouse, [make.item("r", 0, rows)])
    entry = asof.read(warehouse, "register_entry")
    assert entry["name"][0] == "ab<script>'\";--甲" and entry["leader"].isna().all()


def test_unknown_firms_wait_in_quarantine_until_a_register_names_them(warehouse, make):
    batch = make.output({make.A: 1.0, make.B: 2.0})
    (receipt,) = load(warehouse, [make.item("a", 5, batch)])
    assert (receipt["accepted"], receipt["rejected"]) == (0, 2)
    load(warehouse, [make.item("r", 9, make.register({make.A: {}}))])
    receipts = check_books(warehouse)
    assert receipts.set_index("file").loc["/landing/a.xlsx", ["accepted", "rejected"]].tolist() == [1, 1]
    left = store.read_quarantine(warehouse)
    assert left[["file", "row", "field", "rule", "raw"]].to_numpy().tolist() == [
        ["/landing/a.xlsx", 5, "统一社会信用代码", "identity.unmatched", make.B]
    ]
    assert asof.read(warehouse, "output_return")["entity"].tolist() == [make.A]
    assert asof.read(warehouse, "output_return", known_at=make.day(8)).empty, "the register was not known then"


def test_firms_are_found_by_every_identifier_and_never_guessed(warehouse, make):
    firms = {
        make.A: {"customs_code": "0000912345", "name": "甲（东莞）有限公司", "former_names": "老甲厂、甲一厂"},
        make.B: {"customs_code": "0000954321", "name": "同名有限公司"},
        make.C: {"name": "同名有限公司", "customs_code": "0000954321"},
    }
    load(warehouse, [make.item("r", 0, make.register(firms))])
    subjects = ["customs:0000912345", "org:MA0000000", "name:老甲厂", "name:同名有限公司", "customs:0000954321"]
    rows = [
        {"subject": s, "period": "2026-03", "flow": "I", "mode": "0110", "hs": "85", "partner": "x", "usd": 1.0}
        for s in subjects
    ]
    load(warehouse, [make.item("c", 1, make.batch("trade_line", rows, feed="customs_monthly"))])
    found = asof.read(warehouse, "trade_line")
    assert sorted(found["subject"]) == sorted(["customs:0000912345", "name:老甲厂"])
    assert set(found["entity"]) == {make.A}
    check_books(warehouse)


def test_an_unmatched_firm_form_rejects_all_its_lines(warehouse, make):
    lines = pd.DataFrame({"sheet": "Sheet1", "row": [9, 10, 11, 12, 13]})
    batch = make.batch(
        "output_return", [{"row": 9, "subject": make.A, "period": "2026-03", "output_m": 1.0}], lines=lines,
        rejects=[("Sheet1", 11, "出口交货值", "number.unreadable", "不是数字", "x")],
        control=[("Sheet1", 13, "合计")],
    )  # fmt: skip
    (receipt,) = load(warehouse, [make.item("form", 0, batch)])
    assert (receipt["rows_read"], receipt["accepted"], receipt["rejected"]) == (5, 1, 4)
    check_books(warehouse)
    load(warehouse, [make.item("r", 0, make.register({make.A: {}}))])
    receipts = check_books(warehouse)
    assert receipts.loc[receipts["file"] == "/landing/form.xlsx", "rejected"].tolist() == [1]


def test_two_rows_of_a_file_that_mean_one_firm_are_both_withheld(warehouse, make):
    load(warehouse, [make.item("r", 0, make.register({make.A: {"former_names": "老甲厂"}, make.B: {}}))])
    load(warehouse, [make.item("old", 1, make.output({make.A: 7.0}))])
    load(warehouse, [make.item("a", 2, make.output({make.A: 1.0, "name:老甲厂": 2.0, make.B: 3.0}))])
    check_books(warehouse)
    assert set(store.read_quarantine(warehouse)["rule"]) == {"duplicate.resolved"}
    values = asof.read(warehouse, "output_return").set_index("entity")["output_m"].to_dict()
    assert values == {make.A: 7.0, make.B: 3.0}


def test_recorded_at_grows_even_if_the_clock_was_set_back(warehouse, make):
    load(warehouse, [make.item("a", 0, make.output({make.A: 1.0}))])
    with psycopg.connect(warehouse.settings.dsn("psycopg")) as connection:
        connection.execute("update receipt set recorded_at = recorded_at + interval '1 year'")
    before = warehouse.newest_recorded()
    load(warehouse, [make.item("b", 0, make.output({make.B: 1.0}))])
    assert warehouse.newest_recorded() > before


SLOW_CLIENT = """
    import sys, time
    sys.path.insert(0, {tests!r})
    from conftest import Make as make
    from qxmonitor.settings import Settings
    from qxmonitor.warehouse import Warehouse, load as module
    items = [make.item(f"f{{n}}", n, make.output({{make.A: float(n)}})) for n in range(3)]
    whole = module.append
    def append(connection, table, frame):
        whole(connection, table, frame)
        if table == "output_return":
            print("half way", flush=True)
            time.sleep(60)
    module.append = append
    with Warehouse(Settings.from_env()) as wh:
        module.load(wh, items)
"""


@pytest.mark.slow
def test_a_client_killed_in_the_middle_leaves_nothing_and_can_start_again(warehouse, make):
    settings = warehouse.settings
    script = textwrap.dedent(SLOW_CLIENT.format(tests=str(Path(__file__).parent)))
    environment = os.environ | {"QXMONITOR_HOME": str(settings.home), "QXMONITOR_DATABASE_URL": settings.database_url}
    with subprocess.Popen([sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout.readline().strip() == "half way"
        client.send_signal(signal.SIGKILL)
    assert [count(warehouse, table) for table in ("receipt", "file")] == [0, 0]
    items = [make.item(f"f{n}", n, make.output({make.A: float(n)})) for n in range(3)]
    assert [r["state"] for r in load(warehouse, items)] == ["accepted"] * 3
    assert count(warehouse, "output_return") == 3


def _load_all(settings, make, items, barrier, answers):
    with Warehouse(settings) as wh:
        barrier.wait(30)
        answers.put([r["state"] for r in load(wh, items)])


@pytest.mark.slow
def test_two_processes_with_the_same_files_load_each_once(warehouse, make):
    items = [make.item(f"f{n}", n, make.output({make.A: float(n)})) for n in range(20)]
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(2), context.Queue()
    args = [(warehouse.settings, make, part, barrier, answers) for part in (items, items[::-1])]
    workers = [context.Process(target=_load_all, args=arg) for arg in args]
    for worker in workers:
        worker.start()
    states = sorted(answers.get(timeout=60) + answers.get(timeout=60))
    for worker in workers:
        worker.join(30)
    assert states == ["accepted"] * 20 + ["duplicate"] * 20
    assert count(warehouse, "output_return") == 20
    assert count(warehouse, "file") == 20


def test_a_large_file_goes_in_whole(warehouse, make):
    n = 50_000
    rows = pd.DataFrame(
        {"sheet": "s", "row": range(n), "subject": [f"9{i:017d}" for i in range(n)], "period": "2026-03"}
    )
    batch = make.batch("output_return", [], more={"output_return": rows.assign(output_m=1.0)})
    (receipt,) = load(warehouse, [make.item("big", 0, batch)])
    assert receipt["rows_read"] == n
    assert count(warehouse, "output_return") == n
