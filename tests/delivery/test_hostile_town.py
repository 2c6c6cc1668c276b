"""Whatever a town's panel holds, no reader sees NaN, infinity or −100 %: from random facts to the rendered papers.

Towns with gaps, zeros, negatives and absurd figures, a whole month or form absent, one firm, no chain: each is
computed, judged, cleared and rendered as the pipeline does, and the texts and cells are searched.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pandas as pd
import pytest

from qxmonitor import signals
from qxmonitor.catalog.indicators import indicators
from qxmonitor.catalog.office import office
from qxmonitor.catalog.readers import readers
from qxmonitor.delivery import alerts as alert_mails
from qxmonitor.delivery.briefing import Material, build
from qxmonitor.delivery.html import briefing_html
from qxmonitor.delivery.xlsx import briefing_xlsx
from qxmonitor.disclosure import Gate, pattern
from qxmonitor.indicators import compute, contributions, decompose, needs, progress
from qxmonitor.indicators.chains import node_table
from qxmonitor.panel import Panel
from qxmonitor.period import SHANGHAI, Period
from tests.delivery import town as made_up
from tests.disclosure.scan import scan_bytes
from tests.indicators.town import Town, random_town

_WRONG = re.compile(r"\bnan\b|\binf(inity)?\b|\bNone\b|\bNaT\b|[-−]100(\.0+)?\s*%|#(NUM|DIV|VALUE|N/A)", re.IGNORECASE)
NOBODY = pd.DataFrame({name: pd.Series(dtype=object) for name in ("subject", "items", "readers", "since", "until")})
DATE = datetime(2022, 5, 20, 10, tzinfo=SHANGHAI)


def one_firm(town: Town) -> None:
    for code in list(town.firms)[1:]:
        del town.firms[code]
        for form in town.forms.values():
            for key in [key for key in form if key[0] == code]:
                del form[key]
        town.lines = [line for line in town.lines if line["firm"] != code]
        town.authorised -= {key for key in town.authorised if key[0] == code}
        town.late -= {key for key in town.late if key[1] == code}
        town.failed -= {key for key in town.failed if key[1] == code}


def month_absent(town: Town) -> None:
    last = str(town.months[-1])
    for form in town.forms.values():
        for key in [key for key in form if key[1] == last]:
            del form[key]
    town.lines = [line for line in town.lines if line["month"] != last]


def nobody_reports(town: Town) -> None:
    for source in ("returns", "finance", "self_report"):
        town.forms[source].clear()


def all_zero(town: Town) -> None:
    for form in town.forms.values():
        for row in form.values():
            row |= dict.fromkeys(row, 0.0)


def last_year_zero(town: Town) -> None:
    for form in town.forms.values():
        for row in form.values():
            row |= {name: 0.0 for name in row if "_ly" in name}


def collapse(town: Town) -> None:
    """This month next to nothing of what was: growth rounds to −100 %."""
    for (_, month), row in town.forms["returns"].items():
        if month == str(town.months[-1]):
            row |= {name: 1e-9 for name in row if "_ly" not in name}


def negative(town: Town) -> None:
    for form in town.forms.values():
        for row in form.values():
            row |= {name: -abs(value) for name, value in row.items() if value is not None}


def absurd(town: Town) -> None:
    dice = random.Random(5)
    for form in town.forms.values():
        for row in form.values():
            row |= {name: 1e30 for name in row if dice.random() < 0.05}


def no_chains(town: Town) -> None:
    for row in town.firms.values():
        row |= {"chain": "", "node": "", "industry": ""}
    town.chains, town.upstream = {}, {}


def as_it_is(town: Town) -> None:
    """Gaps, zeros, negatives, late and refused forms as they fall."""


ATTACKS: tuple[Callable[[Town], None], ...] = (
    as_it_is, one_firm, month_absent, nobody_reports, all_zero, last_year_zero, collapse, negative, absurd, no_chains,
)  # fmt: skip


CASES = [
    pytest.param(attack, last, id=f"{attack.__name__}-{last}", marks=[] if number % 3 == at else pytest.mark.long)
    for number, attack in enumerate(ATTACKS)
    for at, last in enumerate(("2022-04", "2022-02", "2022-01"))
]
"""Each attack in one of the three kinds of month; the long tests take all."""


@pytest.mark.slow
@pytest.mark.parametrize(("attack", "last"), CASES)
def test_states_never_lie_and_no_reader_sees_what_is_no_number(attack: Callable[[Town], None], last: str) -> None:
    seed = [entry.__name__ for entry in ATTACKS].index(attack.__name__)
    town = random_town(100 + seed, count=9, last=last, width=26)
    attack(town)
    panel, period = town.panel(), Period(last)
    figures = compute(panel, panel.months[-14:])
    stated = figures["state"] == "value"
    assert figures.loc[stated, "value"].map(math.isfinite).all()
    assert figures.loc[~stated, "value"].isna().all()
    least = {e.id: e.min_coverage for e in indicators().indicators}
    few = stated & (figures["coverage"] < figures["indicator"].map(least).fillna(0.0) - 1e-12)
    assert figures.loc[few, ["indicator", "entity_kind", "coverage"]].values.tolist() == []
    for text in rendered(panel, period, figures):
        found = _WRONG.search(text)
        assert found is None, text[max(found.start() - 80, 0) : found.end() + 40]


def rendered(panel: Panel, period: Period, figures: pd.DataFrame) -> list[str]:
    """The texts and cells of both editions and of every reader's mail."""
    shared: dict[str, Any] = {
        "authorisations": NOBODY, "simulated": True, "pattern": pattern(figures), "firms": panel.firms,
        "chains": panel.chains, "reference": panel.reference,
    }  # fmt: skip
    verdicts = signals.judge(panel, [period])
    folded = signals.fold(verdicts)
    exact = {
        "decomposition": decompose(panel, [period]), "contributions": contributions(panel, [period]),
        "nodes": node_table(panel, period),
    }  # fmt: skip
    texts = []
    for edition in office().editions:
        gate = Gate(edition.reader, edition.purpose, **shared)
        material = Material(
            figures, folded, panel.firms, progress(panel, period), made_up.receipts(), made_up.revisions().iloc[:0],
            panel.months[0], needs(panel, period), chains=panel.chains,
            **(exact if gate.may("returns", "firm") else {}),
        )  # fmt: skip
        view = build(gate, edition, period, material, DATE)
        texts.append(scan_bytes(briefing_html(view, edition.reader).encode()).text)
        cells = scan_bytes(briefing_xlsx(view, edition.reader, DATE))
        assert all(math.isfinite(cell) for cell in cells.cells)
        texts.append(cells.text)
    for to in readers().readers:
        if to.alerts:
            shown, _ = alert_mails.view(Gate(to.id, to.purposes[0], **shared), to, folded, period, DATE)
            texts.append(scan_bytes(alert_mails.message(office(), to, shown, period, DATE).body).text)
    return texts
