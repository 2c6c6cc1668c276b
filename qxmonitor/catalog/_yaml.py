"""Loads a catalogue file into pydantic models, and says which line is wrong when one is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from qxmonitor.errors import CatalogError

HERE = Path(__file__).parent


class Entry(BaseModel):
    """Base of every catalogue model: frozen, and a misspelt key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


E = TypeVar("E", bound=Entry)


def load(name: str, model: type[E], folder: Path = HERE) -> E:
    """Read ``<folder>/<name>.yml`` as one ``model``.

    Raises:
        CatalogError: with the file, the line and the reason in one line.
    """
    path = folder / f"{name}.yml"
    try:
        tree = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"第 {mark.line + 1} 行" if mark else ""
        raise CatalogError(f"{path.name} {line} 不是有效的 YAML：{getattr(error, 'problem', error)}") from None
    try:
        return model.model_validate(_plain(tree))
    except ValidationError as error:
        # A misspelt key shows as two errors, one unknown and one missing; the unknown one has a line.
        first = max(error.errors(), key=lambda found: found["type"] == "extra_forbidden")
        where = ".".join(str(part) for part in first["loc"])
        raise CatalogError(f"{path.name} 第 {_line(tree, first['loc'])} 行 {where}：{first['msg']}") from None


def _plain(node: Any) -> Any:
    if isinstance(node, dict):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    return node


def _line(tree: Any, location: tuple[int | str, ...]) -> int:
    """The nearest line known to the YAML tree on the way to a location (1-based)."""
    line = 1
    for part in location:
        try:
            position = tree.lc.item if hasattr(tree, "append") else tree.lc.key
            line = position(part)[0] + 1
            tree = tree[part]
        except (KeyError, IndexError, TypeError, AttributeError):
            break
    return line
