"""The commands that prove rules on history, and let them speak or be silent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from qxmonitor.terminal import Row, answer, as_json

if TYPE_CHECKING:
    from qxmonitor.warehouse import Warehouse


@click.command()
@click.argument("rule", nargs=-1)
@click.option("--truth", type=click.Path(path_type=Path, dir_okay=False), default=None, help="A town's truth.json.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=None, help="Folder for backtest.html.")
@as_json
def backtest(rule: tuple[str, ...], truth: Path | None, out: Path | None, json_out: bool) -> None:
    """Replay history as known then and give each rule (or those named) a scorecard, kept with its version.

    What `alert outcome` noted says which notices were right; with --truth the planted events do.
    """
    from qxmonitor import backtesting

    def work(wh: Warehouse) -> tuple[list[Row], bool]:
        return backtesting.backtest(wh, rule, truth=truth, out=out), True

    def line(row: Row) -> str:
        def share(key: str) -> str:
            return "—" if row[key] is None else f"{row[key]:.1%}"

        verdict = "达标" if row["met"] else f"未达标（{row['missed']}）"
        verified = "" if row["verified"] is None else f"（已核实 {row['verified']}）"
        told = (
            f"{row['rule']:<20} 依据 {row['labels']} 案例 {row['cases']} 提示 {row['alerts']}{verified} "
            f"准确率 {share('precision')} 命中率 {share('recall')} 误报率 {share('false_share')}  {verdict}"
        )
        return f"{told}\n{'':<20} 注意：{row['doubt']}" if row["doubt"] else told

    answer(work, json_out, line)


@click.group("rules")
def rules_group() -> None:
    """Rules: which are active, and the gate that lets them be."""


@rules_group.command("list")
@as_json
def list_rules(json_out: bool) -> None:
    """Every rule, whether it is active, and its newest scorecard."""
    from qxmonitor import backtesting

    def line(row: Row) -> str:
        untried = "未回测（与出厂一致）" if row["shipped"] else "未回测"
        proof = "无须回测" if not row["needs_proof"] else {None: untried, True: "达标", False: "未达标"}[row["met"]]
        about = f"（{row['labels']}，案例 {row['cases']} 起）" if row["labels"] else ""
        if row["verified"] is not None and row["verified_share"] is not None:
            about = f"{about[:-1]}，提示核实率 {row['verified_share']:.0%}）"
        told = f"{row['rule']:<20} {row['name']}  {'启用' if row['active'] else '停用'}  {proof}{about}"
        return f"{told}\n{'':<20} 注意：{row['doubt']}" if row["doubt"] else told

    answer(lambda wh: (backtesting.listing(wh), True), json_out, line)


def _line(row: Row) -> str:
    told = f"{row['name']}（版本 {row['version']}）已{'启用' if row['active'] else '停用'}"
    return f"{told}。注意：{row['doubt']}" if row["doubt"] else told


@rules_group.command()
@click.argument("rule")
@click.option("--who", required=True, help="Who decides.")
@click.option("--why", required=True, help="The reason.")
@as_json
def activate(rule: str, who: str, why: str, json_out: bool) -> None:
    """Let a rule give verdicts; refused while its newest backtest is below its bar.

    A rule that ships active and stands just as shipped needs none, unless one on enough cases of your own says no.
    """
    from qxmonitor import backtesting

    answer(lambda wh: ([backtesting.activate(wh, rule, who=who, why=why)], True), json_out, _line)


@rules_group.command()
@click.argument("rule")
@click.option("--who", required=True, help="Who decides.")
@click.option("--why", required=True, help="The reason.")
@as_json
def deactivate(rule: str, who: str, why: str, json_out: bool) -> None:
    """Let a rule give no more verdicts."""
    from qxmonitor import backtesting

    answer(lambda wh: ([backtesting.deactivate(wh, rule, who=who, why=why)], True), json_out, _line)


COMMANDS = (backtest, rules_group)
