"""The same made-up town as the tests of delivery."""

from __future__ import annotations

from tests.delivery.conftest import gate, town_pattern

__all__ = ["gate", "town_pattern"]
