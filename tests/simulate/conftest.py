"""One small town for all tests of this folder: eighteen months around the shock of 2020."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from qxmonitor.period import Period
from qxmonitor.simulate import staged_for_show, write_town

FIRST, LAST = Period("2020-01"), Period("2021-06")
FIRMS, SEED = 60, 11


@dataclass(frozen=True)
class Town:
    root: Path
    truth: dict[str, Any]

    def files(self, feed: str, form: str | None = None) -> list[dict[str, Any]]:
        return [
            f
            for f in self.truth["files"]
            if f["feed"] == feed and form in (None, f["form"]) and "duplicate_of" not in f
        ]

    def path(self, file: str) -> Path:
        return self.root / file

    def rejected(self, file: str) -> set[tuple[str, int]]:
        return {(d["sheet"], d["row"]) for d in self.truth["dirt"] if d["file"] == file and d["fate"] == "rejected"}

    def figures(self, file: str) -> dict[str, Any]:
        (found,) = [f for f in self.truth["figures"] if f["file"] == file]
        return found  # type: ignore[no-any-return]

    def known(self, feed: str) -> dict[tuple[str, str], dict[str, Any]]:
        """(entity, period) → figures in base units as the newest file has them, rejected rows left out."""
        newest: dict[tuple[str, str], dict[str, Any]] = {}
        for file in sorted(self.files(feed), key=lambda f: f["known_at"]):
            figures = self.figures(file["path"])
            scale = 10 if figures["unit"] == "万元" else 1
            for row, entity, period, *values in figures["rows"]:
                if row not in figures["rejected_rows"]:
                    newest[entity, period] = {
                        name: value
                        if value is None or name.startswith(("power", "employees"))
                        else round(value * scale)
                        for name, value in zip(figures["columns"][3:], values, strict=True)
                    }
        return newest


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    root = tmp_path_factory.mktemp("town")
    write_town(root, firms=FIRMS, first=FIRST, last=LAST, seed=SEED, staged=staged_for_show(FIRMS))
    return Town(root, json.loads((root / "truth.json").read_text(encoding="utf-8")))
