"""The warehouse: PostgreSQL, the file store, the bitemporal load, and every read through one as-of selection."""

from qxmonitor.warehouse.core import Warehouse

__all__ = ["Warehouse"]
