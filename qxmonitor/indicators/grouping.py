"""Sums, groups and dominance of all entities × months at once.

Disclosure counts groups, not legal entities: within one entity (a chain, or the town) the firms of one group are
added up first. Firms are sorted once by (entity, group), so that every later step is a ``reduceat`` over runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from qxmonitor.indicators.view import Bools, Codes, Floats

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Grouping:
    """The partition of n firms into k entities, and of each entity into groups (p pairs in all).

    Most groups are a single firm, so only the ``several`` pairs of more than one are reduced.
    """

    entities: tuple[str, ...]
    order: Codes
    pair_first: Codes
    pair_entity: Codes
    entity_starts: Codes
    firm_starts: Codes
    several: Codes
    several_starts: Codes
    several_firms: Codes

    @classmethod
    def of(cls, entity: Codes, entities: list[str], group: Codes) -> Grouping:
        """Build from each firm's entity and group code; every entity must have a firm."""
        order = np.lexsort((group, entity))
        e, g = entity[order], group[order]
        new_pair = np.ones(len(order), dtype=bool)
        new_pair[1:] = (e[1:] != e[:-1]) | (g[1:] != g[:-1])
        pair_starts = np.flatnonzero(new_pair)
        pair_entity = e[pair_starts]
        entity_starts = np.searchsorted(pair_entity, np.arange(len(entities)))
        size = np.diff(pair_starts, append=len(order))
        several = np.flatnonzero(size > 1)
        starts = np.concatenate([[0], np.cumsum(size[several])])[:-1].astype(np.intp)
        return cls(
            tuple(entities), order, order[pair_starts], pair_entity, entity_starts, pair_starts[entity_starts],
            several, starts, order[np.repeat(size > 1, size)],
        )  # fmt: skip

    def by_group(self, values: Floats) -> Floats:
        """Sum over the firms of each (entity, group), NaN counted as nothing, (n, q) → (p, q)."""
        return self._pairs(np.add, values, nothing=np.isnan)

    def _pairs(self, reduce: np.ufunc, values: npt.NDArray[Any], nothing: np.ufunc | None = None) -> npt.NDArray[Any]:
        """Reduce the firms of each pair, (n, q) → (p, q); what is ``nothing`` counts as nought."""
        pairs: npt.NDArray[Any] = values[self.pair_first]
        members = values[self.several_firms]
        if nothing is not None:
            for part in (pairs, members):
                part[nothing(part)] = 0
        if len(self.several):
            pairs[self.several] = reduce.reduceat(members, self.several_starts, axis=0)
        return pairs

    def by_entity(self, pairs: Floats) -> Floats:
        """Sum over the groups of each entity, (p, q) → (k, q)."""
        return np.add.reduceat(pairs, self.entity_starts, axis=0)

    def count(self, mask: Bools) -> Counts:
        """Firms of each entity in the mask, (n, q) → (k, q)."""
        return np.add.reduceat(mask[self.order], self.firm_starts, axis=0, dtype=np.int64)

    def groups(self, mask: Bools) -> Counts:
        """Groups of each entity with a firm in the mask, (n, q) → (k, q)."""
        hit = self._pairs(np.logical_or, mask)
        return np.add.reduceat(hit, self.entity_starts, axis=0, dtype=np.int64)

    def largest(self, pairs: Floats, count: int) -> Floats:
        """Share of the ``count`` largest groups in the entity's sum, (p, q) → (k, q); NaN where nothing is positive.

        A group below zero (a return corrected downwards) has no size.
        """
        size = np.maximum(pairs, 0.0)
        entity = np.broadcast_to(self.pair_entity[:, None], size.shape)
        order = np.lexsort((-size, entity), axis=0)
        rank = np.arange(len(size)) - self.entity_starts[self.pair_entity]
        top = np.where((rank < count)[:, None], np.take_along_axis(size, order, axis=0), 0.0)
        return self._share(self.by_entity(top), self.by_entity(size))

    def herfindahl(self, pairs: Floats) -> Floats:
        """Sum of the squared shares of an entity's groups, (p, q) → (k, q): 1/n … 1; NaN where nothing is positive."""
        size = np.maximum(pairs, 0.0)
        total = self.by_entity(size)
        shares = np.divide(size, total[self.pair_entity], out=np.zeros_like(size), where=size > 0)
        return np.where(total > 0, self.by_entity(shares**2), np.nan)

    @staticmethod
    def _share(part: Floats, whole: Floats) -> Floats:
        return np.divide(part, whole, out=np.full_like(whole, np.nan), where=whole > 0)

    def top2(self, pairs: Floats) -> Floats:
        """Share of the two largest groups in the entity's sum of group sizes |Σ|, (p, q) → (k, q).

        Sizes are absolute, so that losses and profits dominate alike; 0 where every size is 0.
        """
        size = np.abs(pairs)
        total = np.add.reduceat(size, self.entity_starts, axis=0)
        first = np.maximum.reduceat(size, self.entity_starts, axis=0)
        is_first = size == first[self.pair_entity]
        ties = np.add.reduceat(is_first, self.entity_starts, axis=0, dtype=np.int64)
        runner_up = np.maximum.reduceat(np.where(is_first, 0.0, size), self.entity_starts, axis=0)
        second = np.where(ties > 1, first, runner_up)
        share: Floats = np.divide(first + second, total, out=np.zeros_like(total), where=total > 0)
        return share
