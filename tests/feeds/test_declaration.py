"""Customs declarations: figures by hand, every kind of broken line, many messages a file, hostile XML."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qxmonitor import identity
from qxmonitor.catalog import rates
from qxmonitor.errors import Refused
from qxmonitor.feeds import declaration, sniff
from qxmonitor.feeds.base import Batch
from qxmonitor.feeds.opening import open_file

BODY = "91000000MA0000001"
CODE = BODY + identity.uscc_check_char(BODY)
OUT, IN = "000020210000000001", "000020211000000001"

NOTHING = pytest.approx(float("nan"), nan_ok=True)

HEAD = {
    "EntryId": OUT, "IEFlag": "E", "TradeCode": "0000912345", "TradeCoScc": CODE, "TradeName": "某某玩具厂",
    "OwnerCode": "0000954321", "OwnerName": "某某注塑厂", "TradeMode": "0110", "TradeCountry": "502", "CutMode": "101",
    "TransMode": "3", "GrossWet": "120.5", "NetWt": "100", "IEDate": "20210805", "DDate": "2021-08-04",
    "AgentName": "某报关行", "DeclareName": "张某", "ContactTel": "13900000000", "PromiseItmes": "010",
}  # fmt: skip
GOODS = {
    "GNo": "1", "CodeTS": "9503008900", "GName": "玩具 张某", "GQty": "1200", "GUnit": "001", "DeclPrice": "2.5",
    "DeclTotal": "3000", "TradeCurr": "502", "OriginCountry": "142", "DestinationCountry": "USA", "DutyMode": "1",
}  # fmt: skip


def tags(values: dict[str, str]) -> str:
    return "".join(f"<{name}>{text}</{name}>" for name, text in values.items())


def goods(at: int, **changed: str) -> str:
    return f"<DecList>{tags(GOODS | {'GNo': str(at)} | changed)}</DecList>"


def message(*lines: str, **changed: str) -> str:
    body = "".join(lines or (goods(1),))
    return f"<DecMessage><DecHead>{tags(HEAD | changed)}</DecHead><DecLists>{body}</DecLists></DecMessage>"


def read(text: str, encoding: str = "utf-8") -> Batch:
    opened = open_file(f'<?xml version="1.0" encoding="{encoding}"?>\n{text}'.encode(encoding), "x.xml")
    assert sniff(opened) is declaration
    batch = declaration.read(opened)
    assert batch.accepted + batch.rejected == batch.rows_read
    keys = pd.concat([batch.tables["declaration_line"][["sheet", "row"]], batch.rejects[["sheet", "row"]]])
    assert set(map(tuple, keys.to_numpy())) == set(map(tuple, batch.lines.to_numpy()))
    assert not batch.lines.duplicated().any()
    return batch


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_a_line_by_hand(encoding: str) -> None:
    batch = read(message(), encoding)
    (row,) = batch.tables["declaration_line"].to_dict("records")
    assert row == {
        "sheet": OUT, "row": 1, "subject": CODE, "period": "2021-08", "entry_id": OUT,
        "entered_on": pd.Timestamp(2021, 8, 5), "declared_on": pd.Timestamp(2021, 8, 4), "flow": "E", "mode": "0110",
        "owner": "customs:0000954321", "hs": "9503008900", "partner": "美国", "quantity": 1200.0, "unit": "001",
        "currency": "USD", "price": 2.5, "amount": 3000.0, "usd": 3000.0, "rmb": NOTHING,
        "transaction_mode": "3", "levy": "101", "duty_mode": "1", "gross_kg": 120.5, "net_kg": 100.0,
    }  # fmt: skip
    assert (batch.rows_read, batch.period, batch.origin) == (1, "2021-08", "simulated")
    assert batch.notes == ["没有可用汇率，只保留原币金额，未折算的共 1 行"]


def test_persons_and_the_agent_leave_no_trace() -> None:
    batch = read(message(IEFlag="X"))
    everything = batch.tables["declaration_line"].to_string() + batch.rejects.to_string() + "".join(batch.notes)
    assert batch.rejected == 1
    assert not any(word in everything for word in ("张某", "139", "报关行"))


def test_case_namespace_and_underscores_do_not_matter() -> None:
    text = message().replace("<EntryId>", "<entry_id>").replace("</EntryId>", "</entry_id>").replace("IEDate", "iEDate")
    text = text.replace("<DecMessage>", '<d:DecMessage xmlns:d="urn:x" xmlns="urn:y">')
    text = text.replace("</DecMessage>", "</d:DecMessage>").replace("DecHead", "decHead")
    assert read(text).tables["declaration_line"]["entry_id"].tolist() == [OUT]


@pytest.mark.parametrize("day", ["20210805", "2021-08-05", "2021/8/5", "2021年8月5日", "2021-08-05T10:20:30",
                                 "20210805102030", "2021-08-05 00:00:00"])  # fmt: skip
def test_dates_in_every_style(day: str) -> None:
    assert read(message(IEDate=day)).tables["declaration_line"]["entered_on"].tolist() == [pd.Timestamp(2021, 8, 5)]


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"EntryId": "123"}, "declaration.entry_id"),
        ({"EntryId": ""}, "declaration.entry_id"),
        ({"EntryId": "000020212000000001"}, "declaration.entry_id"),
        ({"EntryId": "００００20210000000001"}, "declaration.entry_id"),
        ({"EntryId": IN}, "declaration.flow"),
        ({"IEFlag": "I"}, "declaration.flow"),
        ({"IEFlag": ""}, "customs.flow"),
        ({"IEDate": "20210231"}, "period.unreadable"),
        ({"IEDate": ""}, "period.unreadable"),
        ({"TradeMode": "8888"}, "customs.mode"),
        ({"TradeCoScc": CODE[:-1] + ("A" if CODE[-1] != "A" else "B")}, "identity.uscc"),
        ({"TradeCoScc": "", "TradeCode": "", "TradeName": ""}, "identity.missing"),
        ({"GrossWet": "很重"}, "number.unreadable"),
    ],
)
def test_a_broken_head_rejects_all_lines_of_its_message_and_no_other(changed: dict[str, str], rule: str) -> None:
    other = message(EntryId=IN.replace("1000", "1999"), IEFlag="I")
    batch = read(f"<Batch>{message(goods(1), goods(2), **changed)}{other}</Batch>")
    assert batch.rejects["rule"].tolist() == [rule, rule]
    assert batch.tables["declaration_line"]["flow"].tolist() == ["I"]


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"CodeTS": "950300890"}, "customs.hs"),
        ({"CodeTS": "7701000000"}, "customs.hs"),
        ({"TradeCurr": "999"}, "declaration.currency"),
        ({"TradeCurr": ""}, "declaration.currency"),
        ({"DeclTotal": ""}, "number.missing"),
        ({"DeclTotal": "三千"}, "number.unreadable"),
        ({"GQty": "1,23"}, "number.unreadable"),
        ({"GNo": "1"}, "declaration.sequence"),
        ({"GNo": "x"}, "declaration.sequence"),
        ({"GNo": ""}, "declaration.sequence"),
    ],
)
def test_a_broken_line_is_rejected_and_its_neighbours_are_not(changed: dict[str, str], rule: str) -> None:
    batch = read(message(goods(1), goods(2, **changed), goods(3)))
    assert batch.rejects["rule"].tolist() == [rule]
    assert batch.tables["declaration_line"]["row"].tolist() == [1, 3]


@pytest.mark.parametrize(
    ("changed", "field", "value"),
    [
        ({"TradeMode": "110"}, "mode", "0110"),
        ({"TradeCoScc": ""}, "subject", "customs:0000912345"),
        ({"TradeCoScc": "", "TradeCode": ""}, "subject", "name:某某玩具厂"),
        ({"OwnerCodeScc": CODE}, "owner", CODE),
    ],
)
def test_heads_in_every_way_of_writing(changed: dict[str, str], field: str, value: object) -> None:
    assert read(message(**changed)).tables["declaration_line"][field].tolist() == [value]


@pytest.mark.parametrize(
    ("changed", "field", "value"),
    [
        ({"TradeCurr": "usd"}, "currency", "USD"),
        ({"TradeCurr": "300"}, "currency", "EUR"),
        ({"TradeCurr": "142"}, "rmb", 3000.0),
        ({"DestinationCountry": ""}, "partner", "美国"),
        ({"DestinationCountry": "HKG"}, "partner", "中国香港"),
        ({"DestinationCountry": "ZZZ"}, "partner", "ZZZ"),
        ({"CodeTS": "95030089"}, "hs", "95030089"),
    ],
)
def test_goods_in_every_way_of_writing(changed: dict[str, str], field: str, value: object) -> None:
    assert read(message(goods(1, **changed))).tables["declaration_line"][field].tolist() == [value]


def test_an_import_comes_from_where_it_was_made() -> None:
    batch = read(message(goods(1, OriginCountry="116"), EntryId=IN, IEFlag="I"))
    assert batch.tables["declaration_line"][["flow", "partner"]].to_numpy().tolist() == [["I", "日本"]]


def test_an_unknown_country_and_a_wrong_owner_are_notes_without_values() -> None:
    batch = read(message(goods(1, DestinationCountry="ZZZ"), goods(2), OwnerCode="12"))
    assert batch.notes[:2] == [
        "国别（地区）不在代码表中，照原文收下，共 1 行",
        "消费使用（生产销售）单位的代码有误，该项留空，共 2 行",
    ]
    assert batch.tables["declaration_line"]["owner"].isna().all()


def test_money_is_converted_only_by_a_rate() -> None:
    lines = [goods(1), goods(2, TradeCurr="CNY"), goods(3, TradeCurr="EUR")]
    with rates.given({"2021-08": 6.0}):
        batch = read(message(*lines))
    table = batch.tables["declaration_line"].astype(object)
    assert table[["usd", "rmb"]].fillna("-").to_numpy().tolist() == [[3000.0, 18000.0], [500.0, 3000.0], ["-", "-"]]
    assert batch.notes == ["没有可用汇率，只保留原币金额，未折算的共 1 行"]
    plain = read(message(*lines)).tables["declaration_line"].astype(object)
    assert plain[["usd", "rmb"]].fillna("-").to_numpy().tolist() == [[3000.0, "-"], ["-", 3000.0], ["-", "-"]]


def test_the_same_declaration_again_counts_once() -> None:
    twice = message(goods(1), goods(2))
    batch = read(f"<x>{twice}{twice}</x>")
    assert batch.tables["declaration_line"]["row"].tolist() == [1, 2]
    assert batch.rejects["rule"].tolist() == ["duplicate.repeated"] * 2
    assert batch.rows_read == 4


def test_a_declaration_that_contradicts_itself_is_not_taken() -> None:
    batch = read(f"<x>{message()}{message(goods(1, DeclTotal='3001'))}{message(EntryId=OUT[:-1] + '2')}</x>")
    assert batch.rejects["rule"].tolist() == ["duplicate.conflict"] * 2
    assert batch.tables["declaration_line"]["entry_id"].tolist() == [OUT[:-1] + "2"]


def test_a_declaration_without_goods_is_counted() -> None:
    batch = read(f"<x>{message().replace(goods(1), '')}{message(EntryId=OUT[:-1] + '2')}</x>")
    assert batch.rejects["rule"].tolist() == ["declaration.no_goods"]
    assert (batch.rows_read, batch.accepted) == (2, 1)


@pytest.mark.parametrize(
    "text",
    [
        f"<x><DecHead>{tags(HEAD)}</DecHead><DecHead>{tags(HEAD)}</DecHead>{goods(1)}</x>",
        message(goods(1), message(EntryId=OUT[:-1] + "2")),
        f"<x>{message()}{goods(7)}</x>",
    ],
)
def test_messages_within_one_another_are_refused(text: str) -> None:
    with pytest.raises(Refused, match="层次"):
        declaration.read(open_file(text.encode(), "x.xml"))


def test_a_file_of_endless_declarations_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(declaration, "MAX_MESSAGES", 2)
    with pytest.raises(Refused, match="上限"):
        declaration.read(open_file(f"<x>{message() * 3}</x>".encode(), "x.xml"))


def test_simulated_and_real_firms_do_not_mix() -> None:
    with pytest.raises(Refused, match="模拟"):
        read(message(OwnerCodeScc="91999999MA0000T1X2"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>{message(EntryId="&e;")}', "实体"),
        (message(EntryId="&e;"), "实体"),
        ("<a>" * 3000 + message() + "</a>" * 3000, "过深"),
        (message().replace("</DecHead>", ""), "标签"),
        ('<?xml version="1.0" encoding="utf-7"?>' + message(), "编码"),
    ],
)
def test_hostile_messages_are_refused_in_one_line(text: str, words: str) -> None:
    with pytest.raises(Refused, match=words) as refusal:
        declaration.matches(open_file(text.encode(), "x.xml"))
    assert "\n" not in str(refusal.value)


def test_other_messages_are_not_taken_for_one() -> None:
    assert not declaration.matches(open_file(b"<Signature><DecHead/></Signature>", "x"))
    assert not declaration.matches(open_file(b"<a><b/></a>", "x"))
    assert not declaration.matches(open_file(b"a,b\n1,2\n", "x"))


ODD = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="<&"), max_size=6)
CELL = st.one_of(ODD, st.sampled_from(["1", "2", "502", "E", "I", OUT, IN, "0110", "20210805", "9503008900", "3,000"]))


@pytest.mark.slow
@given(
    st.lists(
        st.tuples(
            st.dictionaries(st.sampled_from(sorted(HEAD)), CELL, max_size=3),
            st.lists(st.dictionaries(st.sampled_from(sorted(GOODS)), CELL, max_size=3), max_size=3),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_declarations_are_accounted_for(messages: list[tuple[dict[str, str], list[dict[str, str]]]]) -> None:
    text = "".join(
        message(*(goods(at, **line) for at, line in enumerate(lines, start=1)), **head) for head, lines in messages
    )
    try:
        read(f"<x>{text}</x>")
    except Refused as refusal:
        assert "\n" not in str(refusal)


def test_a_refused_line_says_whose_and_of_which_month_it_is_where_that_is_readable() -> None:
    crossed, undated = OUT[:-1] + "2", OUT[:-1] + "3"
    messages = [
        message(goods(1), goods(2, CodeTS="99")),
        message(EntryId=crossed, IEFlag="I"),
        message(EntryId=undated, IEDate="", TradeCoScc="", TradeCode=""),
    ]
    rejects = read(f"<All>{''.join(messages)}</All>").rejects
    said = {(row.sheet, row.rule): (row.subject, row.period) for row in rejects.itertuples()}
    assert said[(OUT, "customs.hs")] == said[(crossed, "declaration.flow")] == (CODE, "2021-08")
    assert rejects.loc[rejects["sheet"] == undated, "period"].isna().all()
    assert rejects["subject"].notna().all()
