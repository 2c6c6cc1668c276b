"""Trial: a department's mail read by the statistics office, marked, and showing no more than both may see."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qxmonitor.catalog.office import office
from qxmonitor.catalog.readers import Reader, readers
from qxmonitor.delivery import alerts as alert_mails
from qxmonitor.delivery import mail, trial
from qxmonitor.delivery.alerts import message, view
from qxmonitor.delivery.ledger import Message
from qxmonitor.delivery.mail import compose
from qxmonitor.disclosure import Gate, Pattern
from qxmonitor.errors import DisclosureError
from tests.delivery import town
from tests.delivery.conftest import DATE
from tests.delivery.test_alerts import body, parsed

Gates = Callable[..., Gate]


@pytest.fixture
def department(monkeypatch: pytest.MonkeyPatch) -> Reader:
    """工信局 on trial, in the catalogue that mails are made with."""
    found = Reader.model_validate(readers().reader("gxj").model_dump(by_alias=True) | {"live": False})
    entries = tuple(found if entry.id == "gxj" else entry for entry in readers().readers)
    changed = readers().model_copy(update={"readers": entries})
    for module in (mail, trial, alert_mails):
        monkeypatch.setattr(module, "readers", lambda: changed)
    return found


def gate_for_both(town_pattern: Pattern, also: tuple[str, ...] = ("stats",)) -> Gate:
    return Gate(
        "gxj", "monitoring", authorisations=town.AUTHORISED, simulated=True, firms=town.FIRMS, chains=town.CHAINS,
        reference=town.REFERENCE, pattern=town_pattern, also=also,
    )  # fmt: skip


@pytest.fixture
def sent(department: Reader, town_pattern: Pattern) -> Message:
    shown, _ = view(gate_for_both(town_pattern), department, town.alerts(), town.PERIOD, DATE)
    return message(office(), department, shown, town.PERIOD, DATE)


def test_it_goes_to_the_statistics_office_and_says_so(sent: Message) -> None:
    assert (sent.reader, sent.recipient, sent.trial) == ("gxj", "tjb@example.invalid", True)
    assert sent.subject.startswith("【试运行】【风险提示】2026年10月")
    (to,) = parsed(sent)["To"].addresses
    assert (to.display_name, to.addr_spec) == ("统计办", "tjb@example.invalid")
    for kind in ("plain", "html"):
        text = body(sent, kind)
        assert "本邮件原应发给工信局（gxj@example.invalid），试运行期间由统计办代收核对" in text
        assert "贵局为重点企业与产业链监测的牵头单位" in text


def test_it_is_the_same_mail_of_the_month_as_the_real_one(sent: Message, gate: Gates) -> None:
    real = readers().reader("gxj").model_copy(update={"live": True})
    shown, _ = view(gate("gxj"), real, town.alerts(), town.PERIOD, DATE)
    live = message(office(), real, shown, town.PERIOD, DATE)
    assert (live.message_id, live.recipient, live.trial) == (sent.message_id, "gxj@example.invalid", False)
    assert "试运行" not in live.subject + body(live) + body(live, "html")


def test_a_firm_only_the_department_may_see_is_not_named(sent: Message, gate: Gates) -> None:
    """The register authorises 工信局 to name it, not the statistics office for its own copy of the figures."""
    live = readers().reader("gxj")
    named = body(
        message(office(), live, view(gate("gxj"), live, town.alerts(), town.PERIOD, DATE)[0], town.PERIOD, DATE)
    )
    authorised = set(
        town.AUTHORISED[town.AUTHORISED["readers"].str.split("、").map(lambda who: "stats" in who)]["subject"]
    )
    hidden = [name for code, name in town.FIRMS["name"].items() if name in named and code not in authorised]
    assert hidden
    assert not any(name in body(sent) for name in hidden)


def test_a_gate_that_forgets_who_reads_is_refused(department: Reader, gate: Gates) -> None:
    with pytest.raises(DisclosureError, match="同时核准给代收单位"):
        view(gate("gxj"), department, town.alerts(), town.PERIOD, DATE)


@pytest.mark.parametrize(
    "texts", [("标题", "试运行", "试运行"), ("【试运行】标题", "文", "试运行"), ("【试运行】标题", "试运行", "文")]
)
def test_a_mail_that_hides_its_trial_is_refused(department: Reader, texts: tuple[str, str, str]) -> None:
    with pytest.raises(DisclosureError, match="须标明试运行"):
        compose(office(), department, "alerts", town.PERIOD, *texts, DATE)
