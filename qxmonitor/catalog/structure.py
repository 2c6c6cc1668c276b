"""Thresholds of chain and trade figures (``structure.yml``): what is called weak, key, falling, processing."""

from __future__ import annotations

from functools import lru_cache

from pydantic import Field

from qxmonitor.catalog._yaml import Entry, load


class StructureRules(Entry):
    """Where a node begins to be weak or key, and which supervision modes belong together.

    Attributes:
        falling: growth of a node's output since January below which it counts as falling.
        key_weight: share of its chain's output from which a node is key.
        feeds_nodes: number of nodes directly downstream from which a node is key.
        import_dependent: share of imports in a node's imports and exports since January from which it depends on them.
        import_least_yuan: imports since January below which that says nothing.
        general_modes: supervision modes of general trade.
        processing_modes: those of processing trade.
    """

    falling: float = Field(ge=-1, le=0)
    key_weight: float = Field(gt=0, le=1)
    feeds_nodes: int = Field(ge=1)
    import_dependent: float = Field(gt=0, le=1)
    import_least_yuan: float = Field(ge=0)
    general_modes: tuple[str, ...] = Field(min_length=1)
    processing_modes: tuple[str, ...] = Field(min_length=1)


@lru_cache(maxsize=1)
def structure_rules() -> StructureRules:
    """The shipped thresholds.

    Raises:
        CatalogError: ``structure.yml`` is wrong.
    """
    return load("structure", StructureRules)
