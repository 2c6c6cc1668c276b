"""What the meta-tests look at: the files of the checkout that are, or are about to be, in version control."""

from __future__ import annotations

import subprocess
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_TEXT = {".py", ".sql", ".yml", ".yaml", ".toml", ".md", ".txt", ".json", ".html", ".css", ".ini", ".cfg", ".sh", ""}


@lru_cache(maxsize=1)
def files() -> tuple[Path, ...]:
    """Every file of the checkout that is not ignored; all but the usual caches where there is no git."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listing.returncode == 0 and listing.stdout:
        names = listing.stdout.decode().split("\0")
        found = [ROOT / name for name in names if name]
    else:
        found = [path for path in ROOT.rglob("*") if not any(_ignored(part) for part in path.relative_to(ROOT).parts)]
    return tuple(sorted(path for path in found if path.is_file()))


@lru_cache
def texts(*suffixes: str, under: str = "") -> dict[str, str]:
    """Relative path → text of the text files, those of some suffixes or below a folder only if asked."""
    wanted = set(suffixes) or _TEXT
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in files()
        if path.suffix in wanted
        and path.relative_to(ROOT).as_posix().startswith(under)
        and not path.relative_to(ROOT).as_posix().startswith("tests/data/")
        and path.name != "uv.lock"
    }


def _ignored(part: str) -> bool:
    return part in {".git", ".venv", ".venv-uv", "var", "__pycache__", "build", "dist"} or part.endswith("_cache")
