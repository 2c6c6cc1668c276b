from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qxmonitor.catalog.office import office
from qxmonitor.disclosure import pattern

Cell = tuple[float, int, float, int]


def frame(cells: dict[str, Cell], indicator: str = "output_m", period: str = "2026-10") -> pd.DataFrame:
    """entity → (value, groups, top-2 share, hidden groups); the town's row included."""
    return pd.DataFrame(
        [
            {
                "period": period, "indicator": indicator, "entity_kind": "town" if entity == "town" else "chain",
                "entity": entity, "source": "returns", "value": value,
                "state": "expected-absent" if np.isnan(value) else "value", "coverage": 1.0, "groups": groups,
                "top2": top2, "hidden_groups": hidden,
            }
            for entity, (value, groups, top2, hidden) in cells.items()
        ]
    )  # fmt: skip


def given_out(*frames: pd.DataFrame, indicator: str = "output_m", period: str = "2026-10") -> set[str]:
    table = pd.concat(frames, ignore_index=True)
    return {key[3] for key in pattern(table).published if key[:2] == (period, indicator)}


TOWN: Cell = (1000.0, 40, 0.3, 40)
SAFE: dict[str, Cell] = {"C01": (500.0, 20, 0.4, 20), "C02": (300.0, 12, 0.5, 12), "other": (200.0, 8, 0.6, 8)}


def partition(**changed: Cell) -> dict[str, Cell]:
    """The safe partition with cells changed, and a town that is its sum."""
    cells = SAFE | changed
    groups, hidden = (sum(cell[at] for cell in cells.values()) for at in (1, 3))
    return cells | {"town": (1000.0, int(groups), 0.3, int(hidden))}


def test_a_safe_partition_is_given_whole() -> None:
    assert given_out(frame(SAFE | {"town": TOWN})) == {"C01", "C02", "other", "town"}


@pytest.mark.parametrize(
    "cell",
    [
        (200.0, 2, 0.6, 2),  # two groups
        (200.0, 8, 0.91, 8),  # two of them hold more than 90 %
        (200.0, 8, 0.6, 1),  # all but one already named to readers
        (200.0, 8, 0.6, 2),
        (200.0, 8, float("nan"), 8),  # nobody knows: not safe
    ],
)
def test_an_unsafe_chain_takes_one_more_with_it(cell: Cell) -> None:
    """Alone it would be the town minus the others; the next smallest goes too."""
    assert given_out(frame(partition(other=cell))) == {"C01", "town"}


def test_two_hidden_chains_are_enough_only_if_their_union_is_safe() -> None:
    """One group each: the union has two groups, so a third chain goes."""
    cells: dict[str, Cell] = {
        "C01": (500.0, 20, 0.4, 20), "C02": (300.0, 12, 0.5, 12), "C03": (100.0, 1, 1.0, 1),
        "other": (100.0, 1, 1.0, 1),
        "town": (1000.0, 34, 0.3, 34),
    }  # fmt: skip
    assert given_out(frame(cells)) == {"C01", "town"}


def test_a_dominated_union_grows_until_it_is_not() -> None:
    """C03 is 97 % two groups and large: with C02 the union is (400×.97 + 100×.5)/500 = 87.6 %."""
    cells: dict[str, Cell] = {
        "C01": (490.0, 20, 0.4, 20), "C02": (100.0, 12, 0.5, 12), "C03": (400.0, 9, 0.97, 9), "C04": (10.0, 5, 0.9, 5),
        "town": (1000.0, 46, 0.41, 46),
    }  # fmt: skip
    assert given_out(frame(cells)) == {"C01", "C04", "town"}


def test_groups_counted_in_two_chains_are_not_counted_twice() -> None:
    """Two chains of two groups each, but the town has only 33 groups: one of them may be in both."""
    cells: dict[str, Cell] = {
        "C01": (600.0, 20, 0.4, 20), "C02": (200.0, 10, 0.5, 10), "C03": (100.0, 2, 1.0, 2), "C04": (100.0, 2, 1.0, 2),
    }  # fmt: skip
    apart = given_out(frame(cells | {"town": (1000.0, 34, 0.3, 34)}))
    shared = given_out(frame(cells | {"town": (1000.0, 32, 0.3, 32)}))
    # 100 % dominated in both cases, so C02 goes as well
    assert apart == shared == {"C01", "town"}


def test_an_unsafe_town_hides_everything() -> None:
    assert given_out(frame(SAFE | {"town": (1000.0, 40, 0.95, 40)})) == set()


def test_a_chain_that_is_not_stated_is_known_as_the_rest() -> None:
    """Without a row for ``other`` the town minus the chains is five unknown groups of unknown dominance."""
    cells = {key: cell for key, cell in SAFE.items() if key != "other"}
    assert given_out(frame(cells | {"town": TOWN})) == {"town"}


def test_growth_is_hidden_with_its_level() -> None:
    unsafe: Cell = (200.0, 2, 1.0, 2)
    level = frame(partition(other=unsafe))
    rates = {key: (0.05, cell[1], cell[2], cell[3]) for key, cell in (SAFE | {"town": TOWN}).items()}
    growth = frame(rates, "output_growth")
    assert given_out(level, growth, indicator="output_growth") == {"C01", "town"}
    assert given_out(level, growth) == {"C01", "town"}


def test_a_level_is_hidden_with_its_growth() -> None:
    """Last year's sum was dominated; level and growth together would give it."""
    rates = {key: (0.05, cell[1], cell[2], cell[3]) for key, cell in (SAFE | {"town": TOWN}).items()}
    growth = frame(rates | {"other": (0.05, 8, 0.99, 8)}, "output_growth")
    assert given_out(frame(SAFE | {"town": TOWN}), growth) == {"C01", "town"}


def year_to_date(months: int, bad: int | None) -> pd.DataFrame:
    frames = []
    for month in range(2, months + 1):
        period = f"2026-{month:02d}"
        one = partition(other=(200.0, 2, 1.0, 2)) if month == bad else partition()
        frames += [frame(one, "output_m", period), frame(SAFE | {"town": TOWN}, "output_ytd", period)]
    return pd.concat(frames, ignore_index=True)


def test_what_a_month_hid_stays_hidden_in_the_cumulative_figures_of_the_year() -> None:
    table = year_to_date(6, bad=4)
    assert given_out(table, indicator="output_ytd", period="2026-03") == {"C01", "C02", "other", "town"}
    for period in ("2026-04", "2026-05", "2026-06"):
        assert given_out(table, indicator="output_ytd", period=period) == {"C01", "town"}
    assert given_out(table, period="2026-05") == {"C01", "C02", "other", "town"}


def test_cumulative_figures_of_chains_need_the_year_from_its_start() -> None:
    table = year_to_date(6, bad=None)
    late = table[table["period"] >= "2026-04"]
    assert given_out(table, indicator="output_ytd", period="2026-06") == {"C01", "C02", "other", "town"}
    assert given_out(late, indicator="output_ytd", period="2026-06") == {"town"}


def test_a_share_that_is_everybody_is_not_given() -> None:
    """All of them falling: each one's direction is told."""
    cells = {
        "C01": (0.5, 20, 0.1, 20),
        "C02": (1.0, 12, 0.1, 12),
        "other": (0.4, 8, 0.1, 8),
        "town": (0.6, 40, 0.1, 40),
    }
    assert "C02" not in given_out(frame(cells, "decline_share"), indicator="decline_share")


def test_imports_are_hidden_with_exports() -> None:
    bad = frame(partition(other=(200.0, 2, 1.0, 2)), "import_usd_m").assign(source="customs")
    good = frame(SAFE | {"town": TOWN}, "export_usd_m").assign(source="customs")
    both = frame(SAFE | {"town": TOWN}, "trade_usd_m").assign(source="customs")
    assert given_out(bad, good, both, indicator="trade_usd_m") == {"C01", "town"}


@st.composite
def towns(draw: st.DrawFn) -> list[tuple[str, str, float]]:
    """Firms as (chain, group, output)."""
    size = draw(st.integers(4, 30))
    chains = st.sampled_from(["C01", "C02", "C03", "C04", "other"])
    groups = st.sampled_from([f"G{n}" for n in range(draw(st.integers(3, 25)))])
    amounts = st.floats(0.1, 1000.0)
    return draw(st.lists(st.tuples(chains, groups, amounts), min_size=size, max_size=size))


def stated(firms: list[tuple[str, str, float]]) -> pd.DataFrame:
    """What the indicator frame would say of them."""
    table = pd.DataFrame(firms, columns=["chain", "group", "value"])
    cells: dict[str, Cell] = {}
    for name, part in [*table.groupby("chain"), ("town", table)]:
        sums = part.groupby("group")["value"].sum().sort_values(ascending=False)
        cells[str(name)] = (float(sums.sum()), len(sums), float(sums.iloc[:2].sum() / sums.sum()), len(sums))
    return frame(cells)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(towns())
def test_no_union_of_hidden_chains_gives_anything_away(firms: list[tuple[str, str, float]]) -> None:
    """The attacker's side, from the firms themselves: whatever is left out is a safe aggregate, or all there is."""
    limits = office().thresholds
    table = pd.DataFrame(firms, columns=["chain", "group", "value"])
    out = given_out(stated(firms))
    shown = table["chain"].isin(out)

    def safe(part: pd.DataFrame) -> bool:
        sums = part.groupby("group")["value"].sum().sort_values(ascending=False)
        return len(sums) >= limits.groups and bool(sums.iloc[:2].sum() / sums.sum() <= limits.dominance + 1e-12)

    for chain in out - {"town"}:
        assert safe(table[table["chain"] == chain])
    if "town" in out:
        assert safe(table)
        assert shown.all() or safe(table[~shown])


@settings(max_examples=30, deadline=None)
@given(towns(), st.randoms())
def test_the_pattern_does_not_depend_on_the_order_of_rows(firms: list[tuple[str, str, float]], chance: Any) -> None:
    table = stated(firms)
    order = list(range(len(table)))
    chance.shuffle(order)
    assert pattern(table).published == pattern(table.iloc[order]).published


@pytest.mark.parametrize(
    ("indicator", "share", "given_"),
    [
        ("stopped_share", 0.0, True),  # nobody stopped: whoever walks by sees it, and hiding it would say it
        ("stopped_share", 1.0, False),
        ("loss_share", 0.0, False),  # nobody lost: every firm's own profit is told to be one
        ("rise_share", 0.0, False),
        ("rise_share", 1.0, False),
        ("stopped_share", 0.025, True),
    ],
)
def test_nought_or_all_of_the_firms_is_hidden_except_that_none_has_stopped(
    indicator: str, share: float, given_: bool
) -> None:
    cells = {entity: (share, *cell[1:]) for entity, cell in (SAFE | {"town": TOWN}).items()}
    breadth = {entity: (0.4, *cell[1:]) for entity, cell in cells.items()}
    told = given_out(frame(cells, indicator), frame(breadth, "diffusion"), indicator=indicator)
    assert told == ({"C01", "C02", "other", "town"} if given_ else set())
    if indicator == "stopped_share":  # the family is given or held as one
        assert bool(given_out(frame(cells, indicator), frame(breadth, "diffusion"), indicator="diffusion")) == given_
