"""Who lives in the town: legal entities, groups, chains, key firms of every kind, entries and exits.

The kinds of key firm matter more than their number: each is a different case at the disclosure gate (authorised to
one office, to both, to none, no longer; inside a group; in a chain of two groups; alone on its node).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.period import Period
from qxmonitor.simulate import codes, names
from qxmonitor.simulate import vocabulary as words
from qxmonitor.simulate.series import Temper, tempers

AUTHORISATION_KINDS = (
    "both", "none", "gxj", "swj", "expired", "both", "none", "partial", "gxj", "both", "later", "none",
)  # fmt: skip
"""Dealt round the key firms in this order, so that twelve of them already hold every kind."""

_NEVER = 9999


@dataclass(frozen=True)
class Population:
    """The legal entities and what the register says of them.

    Attributes:
        firms: one row a firm, ordered by USCC. Columns: uscc, name, former, customs, group, industry, chain, node,
            ownership, above_scale, advanced, hightech_mfg, specialised, doubling, listed, hightech_year, rd_year
            (first year with the flag), key, leader, since, until ('' = open), size (yuan a year), export_share,
            form_firm (files firm forms), trader (no returns, customs only), authorisation (kind), and how it moves:
            noise, wander, season (see ``series.Temper``).
        authorisations: firm (row number), items, readers (both 、-joined names), since, until ('' = open).
    """

    firms: pd.DataFrame
    authorisations: pd.DataFrame

    def __len__(self) -> int:
        return len(self.firms)

    @property
    def temper(self) -> Temper:
        """How much each firm's output moves of itself."""
        return Temper(*(self.firms[name].to_numpy(dtype=float) for name in ("noise", "wander", "season")))

    def column(self, name: str) -> npt.NDArray[np.object_]:
        """One column as a plain object array."""
        return self.firms[name].to_numpy(dtype=object)

    def listed_at(self, period: Period) -> npt.NDArray[np.bool_]:
        """Firms that the register issued in this month names."""
        listed: npt.NDArray[np.bool_] = (self.firms["since"] <= str(period)).to_numpy(dtype=bool)
        return listed

    def reporting(self, period: Period) -> npt.NDArray[np.bool_]:
        """Firms that owe returns for this month."""
        until = self.firms["until"]
        staying = ((until == "") | (until >= str(period))).to_numpy(dtype=bool)
        owing: npt.NDArray[np.bool_] = self.firms["above_scale"].to_numpy(dtype=bool) & staying
        return owing & self.listed_at(period)

    def authorised(self, period: Period, item: str = words.ITEMS[0]) -> npt.NDArray[np.bool_]:
        """Firms with an authorised self-report of an item for this month."""
        table = self.authorisations
        when = str(period)
        valid = (table["since"] <= when) & ((table["until"] == "") | (table["until"] >= when))
        holds = table["items"].str.contains(item, regex=False)
        return np.isin(np.arange(len(self)), table.loc[valid & holds, "firm"].to_numpy())


def populate(count: int, first: Period, last: Period, seed: int) -> Population:
    """Draw the town's legal entities.

    Args:
        count: legal entities, at least 20; about one in 25 of them only trades.
        first: first month of returns.
        last: last month of returns.
        seed: the same seed gives the same town.
    """
    rng = np.random.default_rng([seed, 1])
    traders = max(1, round(count * 0.04))
    chain = _chains(rng, count - traders) + [""] * traders
    trader = np.arange(count) >= count - traders
    node, industry, sole = _nodes(rng, chain, trader)
    size = _sizes(rng, chain, trader)
    group = _groups(rng, chain, trader)
    key = _key_firms(rng, chain, group, sole, size, trader)
    kind = _authorisation_kinds(rng, key, chain, group, sole)
    since, until = _life(rng, count, first, last, fixed=key | trader | (np.array(chain) == "C06"))
    brand = names.brands(rng, count * 2)
    named = [c if not t else "trade" for c, t in zip(chain, trader, strict=True)]
    name = names.company_names(rng, brand[:count], named)
    plain = np.flatnonzero(~key & ~trader)
    hostile = rng.choice(plain, size=1 if count < 100 else 3, replace=False)
    for place, pattern in zip(hostile, names.HOSTILE, strict=False):
        name[place] = pattern.format(brand=brand[place]) + name[place].replace(brand[place], "")
    former = np.where(rng.random(count) < 0.08, [f"清溪{b}实业有限公司" for b in brand[count:]], "")
    low, high = np.array([words.EXPORT_SHARE[c] for c in chain]).T
    share = low + (high - low) * rng.random(count)
    share[(np.array(chain) == "") & (rng.random(count) < 0.5)] = 0.0
    forms = np.zeros(count, dtype=bool)
    forms[rng.choice(plain, size=min(10, max(2, count // 10), len(plain) // 2), replace=False)] = True
    lead = np.isin(chain, ["C01", "C02", "C04", "C06"])
    temper = _temper(key, np.random.default_rng([seed, 5]))
    firms = pd.DataFrame(
        {
            "uscc": codes.uscc_codes(rng, count),
            "name": name,
            "former": former,
            "customs": codes.customs_codes(rng, count),
            "group": group,
            "industry": industry,
            "chain": chain,
            "node": node,
            "ownership": rng.choice(words.OWNERSHIPS, size=count, p=words.OWNERSHIP_WEIGHTS),
            "above_scale": ~trader,
            "advanced": lead & (rng.random(count) < 0.75),
            "hightech_mfg": np.isin(chain, ["C01", "C06"]) & (rng.random(count) < 0.7),
            "specialised": rng.random(count) < 0.1,
            "doubling": rng.random(count) < 0.08,
            "listed": (size > 4e8) & (rng.random(count) < 0.1),
            "hightech_year": _flag_year(rng, count, first.year, already=0.3),
            "rd_year": _flag_year(rng, count, first.year, already=0.34),
            "key": key,
            "leader": np.where(key, [f"挂点领导{i % 11 + 1:02d}" for i in range(count)], ""),
            "since": since,
            "until": until,
            "size": size,
            "export_share": share,
            "form_firm": forms,
            "trader": trader,
            "authorisation": kind,
            **vars(temper),
        }
    )
    firms = firms.sort_values("uscc", ignore_index=True)
    return Population(firms, _authorisations(firms, first, last))


def _chains(rng: np.random.Generator, count: int) -> list[str]:
    """Chain of each above-scale firm: three in C06, at least two in every other, the rest by weight."""
    labels = list(words.CHAIN_WEIGHTS)
    weights = np.array(list(words.CHAIN_WEIGHTS.values()))
    rest = count - 3 - 2 * len(labels)
    numbers = 2 + np.floor(rest * weights / weights.sum()).astype(int)
    numbers[0] += count - 3 - numbers.sum()
    drawn = [label for label, number in zip(labels, numbers, strict=True) for _ in range(number)]
    return ["C06"] * 3 + [drawn[i] for i in rng.permutation(len(drawn))]


def _nodes(
    rng: np.random.Generator, chain: list[str], trader: npt.NDArray[np.bool_]
) -> tuple[list[str], list[str], npt.NDArray[np.bool_]]:
    """Node and industry of each firm; a sole node gets its chain's first firm and nobody else."""
    node, industry = [], []
    held: set[str] = set()
    draw = rng.random(len(chain))
    for i, label in enumerate(chain):
        if not label:
            node.append("")
            other = words.OTHER_INDUSTRIES[int(draw[i] * len(words.OTHER_INDUSTRIES))]
            industry.append(words.TRADE_INDUSTRY if trader[i] else other)
            continue
        sole = [n for n in words.NODES[label] if n.code in words.SOLE_NODES and n.code not in held]
        open_nodes = [n for n in words.NODES[label] if n.code not in words.SOLE_NODES]
        chosen = sole[0] if sole else open_nodes[int(draw[i] * len(open_nodes))]
        held.add(chosen.code)
        node.append(chosen.code)
        industry.append(chosen.industry)
    return node, industry, np.isin(node, words.SOLE_NODES)


def _sizes(rng: np.random.Generator, chain: list[str], trader: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Yearly output in yuan: rank-size from six billion down to the 20 million threshold (traders: turnover)."""
    count = len(chain)
    rank = rng.permutation(count) + 1.0
    small = np.isin(chain, ["", "C06"]) & (rank < count * 0.1)
    rank[small] += count * 0.2
    size: npt.NDArray[np.float64] = 6.5e9 * rank ** (-np.log(6.5e9 / 2.6e7) / np.log(count))
    size *= np.exp(rng.normal(0, 0.08, count))
    size[trader] = np.clip(size[trader], 2e7, 3e8)
    return size


def _groups(rng: np.random.Generator, chain: list[str], trader: npt.NDArray[np.bool_]) -> list[str]:
    """Group name of each firm ('' if it stands alone): C06's first two, then groups of two to four inside a chain."""
    count = len(chain)
    title = [f"{brand}集团" for brand in names.brands(rng, 3 + count // 25)]
    group = [""] * count
    group[0] = group[1] = title[0]
    for number, name in enumerate(title[1:]):
        label = ("C01", "C02", "C03", "C05")[number % 4]
        free = [i for i in range(count) if chain[i] == label and not group[i] and not trader[i]]
        if len(free) >= 2:
            for i in rng.choice(free, size=min(len(free), int(rng.integers(2, 5))), replace=False):
                group[i] = name
    return group


def _key_firms(
    rng: np.random.Generator,
    chain: list[str],
    group: list[str],
    sole: npt.NDArray[np.bool_],
    size: npt.NDArray[np.float64],
    trader: npt.NDArray[np.bool_],
) -> npt.NDArray[np.bool_]:
    """About one firm in six: a group firm and the lone one of C06, the sole nodes, two of a group, then by size."""
    count = len(chain)
    wanted = min(max(12, round(count * 0.17)), int((~trader).sum()) - 3)
    key = np.zeros(count, dtype=bool)
    key[[0, 2]] = True
    key |= sole
    members = [i for i in range(3, count) if group[i]]
    first_group = [i for i in members if group[i] == group[members[0]]] if members else []
    key[first_group[:2]] = True
    score = np.log(size) + rng.normal(0, 0.7, count)
    score[trader | key | np.isin(np.arange(count), [1])] = -np.inf
    key[np.argsort(-score, kind="stable")[: wanted - int(key.sum())]] = True
    return key


def _temper(key: npt.NDArray[np.bool_], rng: np.random.Generator) -> Temper:
    """How much each firm moves: over all firms as real ones do, with the key firms among the steadier."""
    place = np.where(key, 0.5, 1.0) * rng.random(key.size)
    return tempers((np.argsort(np.argsort(place)) + rng.random(key.size)) / key.size, rng)


def _authorisation_kinds(
    rng: np.random.Generator,
    key: npt.NDArray[np.bool_],
    chain: list[str],
    group: list[str],
    sole: npt.NDArray[np.bool_],
) -> npt.NDArray[np.object_]:
    """Deal :data:`AUTHORISATION_KINDS` round the key firms; the special ones first, so each case is met."""
    special = [i for i in np.flatnonzero(key) if chain[i] == "C06" or sole[i] or group[i]]
    common = [i for i in np.flatnonzero(key) if i not in set(special)]
    order = special + [common[i] for i in rng.permutation(len(common))]
    kind = np.full(len(key), "", dtype=object)
    for turn, firm in enumerate(order):
        kind[firm] = AUTHORISATION_KINDS[turn % len(AUTHORISATION_KINDS)]
    return kind


def _life(
    rng: np.random.Generator, count: int, first: Period, last: Period, fixed: npt.NDArray[np.bool_]
) -> tuple[list[str], list[str]]:
    """Month of entry (升规) and of exit (退规, '' = open): January and December mostly, a few entries in July."""
    since = [f"{first.year - int(back):04d}-01" for back in rng.integers(1, 9, count)]
    until = [""] * count
    free = [int(i) for i in rng.permutation(count) if not fixed[i]]
    for year in range(first.year + 1, last.year + 1):
        turns = max(1, round(count * 0.03))
        for _ in range(min(turns, max(0, len(free) - 4))):
            since[free.pop()] = f"{year:04d}-01"
        if f"{year:04d}-07" <= last and len(free) > 4:
            since[free.pop()] = f"{year:04d}-07"
        if len(free) > 4:
            until[free.pop()] = f"{year - 1:04d}-12"
    return since, until


def _flag_year(rng: np.random.Generator, count: int, year: int, already: float) -> npt.NDArray[np.int64]:
    """First year in which a firm carries a flag it keeps; most never do."""
    draw = rng.random(count)
    return np.where(draw < already, year - 1, np.where(draw < already + 0.06, year + 1, _NEVER))


def _authorisations(firms: pd.DataFrame, first: Period, last: Period) -> pd.DataFrame:
    """One row an authorisation, from each key firm's kind."""
    both, gxj, swj = "、".join(words.READERS), *words.READERS
    early, middle = str(first - 6), first + max(1, (last.ordinal - first.ordinal) // 2)
    january = f"{first.year + 1:04d}-01"
    all_items = "、".join(words.ITEMS)
    terms = {
        "both": (all_items, both, early, ""),
        "gxj": (all_items, gxj, early, str(last + 18)),
        "swj": ("工业总产值、出口交货值", swj, early, ""),
        "expired": (all_items, both, early, str(middle)),
        "partial": ("工业总产值", gxj, early, ""),
        "later": (all_items, both, january, ""),
    }
    rows = [(firm, *terms[kind]) for firm, kind in enumerate(firms["authorisation"]) if kind in terms]
    return pd.DataFrame(rows, columns=["firm", "items", "readers", "since", "until"])
