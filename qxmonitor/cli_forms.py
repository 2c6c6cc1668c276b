"""The commands about forms: templates for those who fill them, a scaffold for those who add one."""

from __future__ import annotations

from pathlib import Path

import click

from qxmonitor.terminal import as_json, print_rows, reported


@click.command()
@click.argument("forms", nargs=-1)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True)
@as_json
def template(forms: tuple[str, ...], out: Path, json_out: bool) -> None:
    """Write empty workbooks for the forms that offices fill in; all of them by default."""
    from qxmonitor.feeds import template as made

    with reported(json_out):
        wanted = [made.template(name) for name in forms] or list(made.templates().values())
        out.mkdir(parents=True, exist_ok=True)
        rows = []
        for form in wanted:
            path = out / f"{form.title}.xlsx"
            path.write_bytes(made.workbook(form))
            rows.append({"form": form.id, "title": form.title, "path": str(path)})
        print_rows(rows, json_out, lambda row: f"{row['form']}：{row['path']}")


@click.command("new-feed")
@click.argument("name")
@click.option("--title", required=True, help="Chinese name of the form.")
@click.option(
    "--root", type=click.Path(path_type=Path, file_okay=False, exists=True), default=None, help="Default: here."
)
@as_json
def new_feed(name: str, title: str, root: Path | None, json_out: bool) -> None:
    """Lay out a new sheet feed: declaration, suite, table, migration and test, ready to be filled."""
    from qxmonitor.operate.scaffold import lay_out
    from qxmonitor.settings import ROOT

    with reported(json_out):
        rows = lay_out(name, title, root or ROOT)
        print_rows(rows, json_out, lambda row: f"{row['done']} {row['path']}：{row['words']}")


COMMANDS = (template, new_feed)
