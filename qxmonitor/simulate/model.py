"""The town's economy as dense arrays: firms × months, from one hidden year before the first return.

The hidden year exists so that 上年同期 has figures from the first month on. Money is in whole thousand yuan and power
in hundredths of 万千瓦时, both as integers, so that a printed cumulative is exactly the sum of the printed months.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qxmonitor.period import Period, months
from qxmonitor.simulate import series
from qxmonitor.simulate import vocabulary as words
from qxmonitor.simulate.events import TOWN_SHOCK, Event
from qxmonitor.simulate.population import Population

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

OUTPUT_MEASURES = ("output", "sales", "export", "power")
FLOWS = (
    "revenue", "cost", "tax_surcharge", "selling_expense", "admin_expense", "rd_expense", "financial_expense",
    "operating_profit", "profit", "payroll", "vat",
)  # fmt: skip
STOCKS = ("receivables", "inventories", "finished_goods", "current_assets", "assets", "liabilities", "employees")


@dataclass(frozen=True)
class Economy:
    """The figures of all firms, final vintage.

    Attributes:
        axis: months of the arrays, January of the year before the first return to the last month.
        month: measure → (firms, months) single-month figures (flows) or end-of-month figures (stocks).
        cumulative: measure → (firms, months), January to this month; flows only.
        last_year: measure → (firms, months): the same month a year earlier as the firm restates it now; NaN-free from
            the second year of the axis on, nought before.
        last_year_cumulative: the same, January to this month.
        parts: (firms, months) output as it will be in two months' time where something befalls the firm, thousand
            yuan: what its imports of parts follow.
        silent: (firms, months) True where a firm sends nothing.
        rate: yuan a dollar, one a month.
    """

    axis: tuple[Period, ...]
    month: dict[str, Ints]
    cumulative: dict[str, Ints]
    last_year: dict[str, Ints]
    last_year_cumulative: dict[str, Ints]
    parts: Ints
    silent: npt.NDArray[np.bool_]
    rate: Floats

    def at(self, period: Period) -> int:
        """The column of a month."""
        return period.ordinal - self.axis[0].ordinal


def live(town: Population, events: list[Event], first: Period, last: Period, seed: int) -> Economy:
    """Let the town live through the months.

    Args:
        town: its firms.
        events: what befalls them.
        first: first month of returns; figures start in January of the year before.
        last: last month.
        seed: the same seed gives the same economy.
    """
    rng = np.random.default_rng([seed, 3])
    axis = months(Period(f"{first.year - 1:04d}-01"), last)
    effect, silent = _effects(town, events, axis)
    usual, quiet = _baseline(town, axis, rng)
    ready = quiet * _shock(len(town), axis, rng)
    activity, stopped = ready * effect, effect == 0
    early = effect[:, np.minimum(np.arange(len(axis)) + series.IMPORT_LEAD, len(axis) - 1)]
    output = np.rint(activity).astype(np.int64)
    month = {"output": output}
    shape = output.shape
    ratio = np.clip(0.98 + rng.normal(0, 0.006, (shape[0], 1)) + rng.normal(0, 0.006, shape), 0.95, 1.0)
    month["sales"] = np.floor(output * ratio).astype(np.int64)
    share = town.firms["export_share"].to_numpy(dtype=float)[:, None]
    share = np.clip(share * np.exp(rng.normal(0, 0.05, shape)), 0, 0.97)
    month["export"] = np.floor(month["sales"] * share).astype(np.int64)
    intensity = np.array([words.POWER_INTENSITY[c] for c in town.firms["chain"]])[:, None]
    intensity = intensity * np.exp(rng.normal(0, 0.2, (shape[0], 1)) + rng.normal(0, 0.02, shape))
    idle = np.where(stopped, np.where(rng.random((shape[0], 1)) < 0.5, 0.0, 0.03), 0.25)
    month["power"] = np.rint(100 * intensity * ((1 - idle) * activity * ~stopped + idle * usual)).astype(np.int64)
    month |= _finance(town, usual, month["sales"], rng)
    years = np.array([p.year for p in axis])
    flows = {name: month[name] for name in (*OUTPUT_MEASURES, *FLOWS)}
    restated = _restate(month, years, rng)
    return Economy(
        axis=axis,
        month=month,
        cumulative={name: _within_year(values, years) for name, values in flows.items()},
        last_year=restated,
        last_year_cumulative={name: _within_year(restated[name], years) for name in flows},
        parts=np.rint(ready * early).astype(np.int64),
        silent=silent,
        rate=6.6 + 0.25 * np.sin(np.arange(len(axis)) / 7.0 + 1.0),
    )


def _baseline(town: Population, axis: tuple[Period, ...], rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Output without shocks or events, thousand yuan: as is usual in each month, and with what moves of itself."""
    count = len(town)
    key = town.firms["key"].to_numpy(dtype=bool)
    level = np.log(town.firms["size"].to_numpy(dtype=float) / 12 / 1000)[:, None]
    growth = np.where(key, rng.normal(0.07, 0.03, count), rng.normal(0.05, 0.09, count))[:, None]
    trend = growth * (np.arange(len(axis)) - 12) / 12
    trade = np.array([words.season(c) for c in town.firms["chain"]])
    usual, moves = series.course(axis, town.temper, rng, trade)
    usual = np.exp(level + trend + usual)
    return usual, usual * np.exp(moves)


def _effects(town: Population, events: list[Event], axis: tuple[Period, ...]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Share of its output that each firm keeps, and where it sends nothing, both (firms, months)."""
    silent = np.zeros((len(town), len(axis)), dtype=bool)
    losses = []
    for event in events:
        start, end = (p.ordinal - axis[0].ordinal for p in (event.start, event.end))
        if event.type == "silence":
            silent[event.firm, start : end + 1] = True
        else:
            losses.append(series.Event(event.type, event.firm, start, end, -event.size))
    return series.effects(tuple(losses), *silent.shape), silent


def _shock(count: int, axis: tuple[Period, ...], rng: np.random.Generator) -> Floats:
    """Factor of the 2020 shock, firm by firm."""
    mean = np.array([TOWN_SHOCK.get(p, 0.0) for p in axis])
    hit = np.clip(1 + rng.normal(0, 0.3, (count, 1)), 0.2, 1.6)
    return np.clip(1 + mean[None, :] * hit, 0.1, 1.0)


def _finance(town: Population, usual: Floats, sales: Ints, rng: np.random.Generator) -> dict[str, Ints]:
    """Flows of the month and end-of-month stocks, tied to sales; fixed costs follow what is usual."""
    count, length = sales.shape

    def each(low: float, high: float) -> Floats:
        return rng.uniform(low, high, (count, 1))

    def whole(values: Floats | Ints) -> Ints:
        return np.rint(values).astype(np.int64)

    thin = np.where(rng.random((count, 1)) < 0.12, 0.1, 0.0)
    flows = {"revenue": whole(sales * each(0.99, 1.06))}
    revenue = flows["revenue"]
    flows["cost"] = whole(revenue * np.clip(each(0.78, 0.86) + thin + rng.normal(0, 0.008, sales.shape), 0.6, 0.99))
    flows["tax_surcharge"] = whole(revenue * each(0.003, 0.008))
    flows["selling_expense"] = whole(revenue * each(0.01, 0.025))
    flows["admin_expense"] = whole(usual * each(0.025, 0.05))
    flows["rd_expense"] = whole(usual * each(0.01, 0.045) * (rng.random((count, 1)) < 0.7))
    flows["financial_expense"] = whole(usual * each(-0.004, 0.016))
    flows["operating_profit"] = revenue - sum((flows[name] for name in FLOWS[1:7]), start=np.zeros_like(revenue))
    flows["profit"] = flows["operating_profit"] + whole(usual * rng.normal(0.001, 0.002, sales.shape))
    employees = whole(
        np.clip(usual.mean(axis=1, keepdims=True) / each(45, 90), 20, None)
        * np.exp(np.cumsum(rng.normal(0.001, 0.008, sales.shape), axis=1))
    )
    flows["payroll"] = whole(employees * each(5.5, 9.5))
    flows["vat"] = whole(revenue * each(0.01, 0.035))
    recent = np.cumsum(revenue, axis=1, dtype=float)
    recent[:, 3:] = recent[:, 3:] - recent[:, :-3]
    recent /= np.minimum(np.arange(1, length + 1), 3)
    tied = 0.5 * recent + 0.5 * usual
    squeeze = np.where(rng.random((count, 1)) < 0.06, 0.05, 0.0) * np.clip(np.arange(length) - (length - 9), 0, None)
    receivables = whole(tied * each(1.4, 3.6) * (1 + squeeze))
    inventories = whole(tied * each(0.8, 2.2))
    finished = whole(inventories * each(0.25, 0.5))
    current = receivables + inventories + whole(tied * each(0.8, 2.5))
    assets = current + whole(usual[:, :1] * each(4, 11) * np.ones(length))
    indebted = np.where(rng.random((count, 1)) < 0.03, 0.45, 0.0)
    liabilities = whole(assets * (each(0.35, 0.68) + indebted))
    stocks = (receivables, inventories, finished, current, assets, liabilities, employees)
    return flows | dict(zip(STOCKS, stocks, strict=True))


def _restate(month: dict[str, Ints], years: npt.NDArray[np.int_], rng: np.random.Generator) -> dict[str, Ints]:
    """Last year's figures as the firm states them now: as filed, but for one firm-year in 16 some per cent off."""
    count = len(month["output"])
    factor = np.ones((count, len(years)))
    for year in np.unique(years):
        changed = (rng.random(count) < 0.06) * rng.choice([-1.0, 1.0], count) * rng.uniform(0.01, 0.04, count)
        factor[:, years == year] += changed[:, None]
    restated = {}
    for name, values in month.items():
        before = np.zeros_like(values)
        before[:, 12:] = values[:, :-12]
        restated[name] = before if name == "employees" else np.rint(before * factor).astype(np.int64)
    return restated


def _within_year(values: Ints, years: npt.NDArray[np.int_]) -> Ints:
    """Running sums that start anew each January."""
    total = np.empty_like(values)
    for year in np.unique(years):
        total[:, years == year] = np.cumsum(values[:, years == year], axis=1)
    return total
