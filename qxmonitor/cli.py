"""The command line: words to verbs, verbs' answers to lines or ``--json``.

Every listing takes ``--json``: one array of flat objects on standard output, printed whatever the exit code, and
nothing else there. Logs go to standard error, a reason is one line. Exit 0 done (quarantined rows alone are no
failure), 1 something was refused or failed, 2 bad usage.
"""

from __future__ import annotations

import logging
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qxmonitor import (
    __version__,
    cli_alerts,
    cli_backtest,
    cli_catalog,
    cli_evaluate,
    cli_forms,
    cli_growth,
    cli_landing,
    cli_letters,
    cli_lists,
    cli_operate,
    cli_quarantine,
    cli_revisions,
    cli_statistics,
    cli_validation,
)
from qxmonitor.period import Period
from qxmonitor.settings import Settings
from qxmonitor.terminal import (
    PERIOD,
    Row,
    answer,
    as_json,
    cell,
    known_at_option,
    print_rows,
    reported,
    spot,
    warehouse,
)

if TYPE_CHECKING:
    from qxmonitor.warehouse import Warehouse

LISTINGS = (
    "receipts", "quarantine", "indicators", "alerts", "ledger", "history", "bonded", "bonded_ownership",
    "bonded_states", "bonded_open", "findings", "board",
    "letters", "matches", "fixes", "released",
)  # fmt: skip
"""What ``list`` shows."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option("-v", "--verbose", is_flag=True, help="Progress on standard error.")
def cli(verbose: bool) -> None:
    """Economic monitoring and early warning for a manufacturing town."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        stream=sys.stderr,
        format="%(levelname)s %(name)s: %(message)s",
    )


@cli.command()
def init() -> None:
    """Create or upgrade the warehouse."""
    with warehouse() as wh:
        click.echo(f"仓库就绪：{wh.settings.home}")


@cli.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--firms", type=click.IntRange(20, 5_000), default=120, show_default=True)
@click.option("--from", "first", type=PERIOD, default=None, help="Default: 29 months before --to.")
@click.option("--to", "last", type=PERIOD, default=None, help="Default: the newest period released.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option(
    "--stage",
    "staged",
    type=(str, click.IntRange(min=0)),
    multiple=True,
    metavar="KIND N",
    help="Further events in the newest months, so many of a kind: output_drop, stop, silence, lead_shock; refused where"
    " the town is too small for them.",
)
def simulate(
    out: Path, firms: int, first: Period | None, last: Period | None, seed: int, staged: tuple[tuple[str, int], ...]
) -> None:
    """Write a synthetic town in the real file formats, with the truth beside it.

    Events come at the fixed prevalence of real towns, at which rules are scored.
    """
    from qxmonitor import pipeline

    with reported():
        first, last = pipeline.simulate(
            Settings.from_env().now(), out, firms=firms, first=first, last=last, seed=seed, staged=dict(staged),
            exactly=True,
        )  # fmt: skip
    click.echo(f"已生成模拟数据：{firms} 家企业，{first} 至 {last}，位于 {out}")


@cli.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--feed", default=None, help="Accept only this feed; anything else is refused.")
@known_at_option
@as_json
def ingest(paths: tuple[Path, ...], feed: str | None, known_at: datetime | None, json_out: bool) -> None:
    """Take in files and folders: read, validate, load, quarantine; a receipt each."""
    from qxmonitor import pipeline

    def work(wh: Warehouse) -> tuple[list[Row], bool]:
        receipts = pipeline.ingest(wh, paths, feed=feed, known_at=known_at)
        return receipts, all(receipt["state"] != "refused" for receipt in receipts)

    def line(row: Row) -> str:
        reasons = "；".join(row["reasons"])
        counts = f"读取 {row['rows_read']}，入库 {row['accepted']}，隔离 {row['rejected']}"
        state = {"accepted": "已接收", "duplicate": "重复", "refused": "拒收"}[row["state"]]
        return f"[{state}] {row['file']}（{counts}）{reasons}"

    answer(work, json_out, line)


@cli.command()
@click.argument("period", type=PERIOD)
@known_at_option
@click.option("--notify", default="", help="Mail this month although it is not due: the reason.")
@as_json
def run(period: Period, known_at: datetime | None, notify: str, json_out: bool) -> None:
    """Compute a month's indicators and verdicts, fold the alerts, plan its mails when it is the newest."""
    from qxmonitor import pipeline

    def line(row: Row) -> str:
        also = f"；一并计算较早的 {_span(row['before'])}" if row["before"] else ""
        left = f"；尚未计算的更早月份 {_span(row['not_run'])}，需要时逐月执行 qxmonitor run" if row["not_run"] else ""
        return (
            f"{row['period']}：指标值 {row['values']} 条，判定 {row['verdicts']} 条，"
            f"未结风险提示 {row['open_alerts']} 条，计划邮件 {row['planned']} 封（{row['planning']}）{also}{left}"
        )

    answer(lambda wh: ([pipeline.run(wh, period, known_at=known_at, notify=notify)], True), json_out, line)


def _span(months: str) -> str:
    """``3 个月（2026-01 至 2026-03）``."""
    found = months.split()
    return f"{len(found)} 个月（{found[0]} 至 {found[-1]}）" if len(found) > 1 else found[0]


@cli.command()
@click.argument("period", type=PERIOD)
@click.option("--for", "reader", required=True, help="Edition: stats or joint.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True)
@known_at_option
@as_json
def brief(period: Period, reader: str, out: Path, known_at: datetime | None, json_out: bool) -> None:
    """Write the briefing of a month for a reader: Word, Excel and HTML."""
    from qxmonitor import pipeline

    answer(
        lambda wh: (pipeline.brief(wh, period, reader, out, known_at=known_at), True), json_out, lambda row: row["path"]
    )


@cli.command()
@click.option("--dry-run", is_flag=True, help="Say what would be sent; send nothing.")
@click.option("--show", is_flag=True, help="With --dry-run: each mail as its reader would read it.")
@as_json
def deliver(dry_run: bool, show: bool, json_out: bool) -> None:
    """Drain the ledger: send what is due, once; exit code 1 while any mail waits for a person."""
    from qxmonitor import pipeline

    if show and not dry_run:
        raise click.UsageError("--show 须与 --dry-run 同用")

    def work(wh: Warehouse) -> tuple[list[Row], bool]:
        rows = pipeline.deliver(wh, dry_run=dry_run, show=show)
        waiting = pipeline.waiting(wh)
        if waiting:
            click.echo(f"有 {waiting} 封邮件待人工处理，见 qxmonitor list ledger", err=True)
        return rows, not waiting

    answer(work, json_out, _mail_line)


def _mail_line(row: Row) -> str:
    again = f"，{row['next_try_at']} 再试" if row["next_try_at"] else ""
    head = f"[{row['state']}] {row['recipient'] or '（无邮箱）'}  {row['subject']}  {row['message_id']}"
    text = f"\n\n{row['text']}\n" if "text" in row else ""
    return f"{head}  {row['detail']}{again}{text}".rstrip(" ")


def _decision(name: str, summary: str) -> None:
    """One of the commands by which a person decides about a mail."""

    @cli.command(name=name, help=summary)
    @click.argument("message_id")
    @click.option("--who", required=True, help="Who decides.")
    @click.option("--why", required=True, help="The reason, kept in the mail's history.")
    @as_json
    def command(message_id: str, who: str, why: str, json_out: bool) -> None:
        from qxmonitor import pipeline

        verb = {"hold": pipeline.hold, "release": pipeline.release, "drop": pipeline.drop}[name]
        answer(lambda wh: ([verb(wh, message_id, who=who, why=why)], True), json_out, _mail_line)


_decision("hold", "Keep a planned mail from going until it is released.")
_decision("release", "Let a held, failed, refused or unknown mail go (again).")
_decision("drop", "Decide that a mail never goes.")


@cli.command(name="list")
@click.argument("what", type=click.Choice(LISTINGS))
@click.argument("alert", required=False)
@click.option("--unmatched", is_flag=True, help="Matches: only what means no firm, or more than one.")
@click.option("--open", "only_open", is_flag=True, help="Letters: only those that wait for an answer.")
@click.option("--period", type=PERIOD, default=None)
@click.option("--entity", default=None, help="A firm's code, a chain's code or 'town'.")
@click.option("--entity-kind", default=None)
@click.option("--indicator", default=None)
@click.option("--source", default=None)
@click.option("--state", default=None)
@click.option("--form", default=None, help="Board and receipts: only this form.")
@click.option("--reader", default=None, help="Ledger and history: who the mail is made for.")
@click.option("--message-id", default=None, help="Ledger and history: only this mail.")
@click.option("--file", "file_name", default=None, help="Only this file (path as on the receipt, or its last part).")
@known_at_option
@as_json
def list_(what: str, alert: str | None, json_out: bool, **filters: Any) -> None:
    """Look: receipts, quarantine, indicators, alerts, mails, the bonded centre, findings, board, letters, matches.

    ``history`` is what happened to each mail or, with an ALERT, to that risk notice.
    """
    from qxmonitor import look

    if alert is not None and what != "history":
        raise click.UsageError("只有 list history 后面可写风险提示的编号")
    if filters["message_id"]:
        filters["message_id"] = f"<{filters['message_id'].strip('<>')}>"

    def work(wh: Warehouse) -> tuple[list[Row], bool]:
        rows = look.listing(wh, what, alert=alert, **filters)
        if rows and not json_out:
            click.echo(
                "  ".join(look.spoken(what, rows[0])), err=True
            )  # what the columns are; standard output holds rows alone
        return rows, True

    answer(work, json_out, lambda row: "  ".join(cell(value) for value in look.spoken(what, row).values()))


@cli.command()
@click.argument("figure")
@known_at_option
@as_json
def trace(figure: str, known_at: datetime | None, json_out: bool) -> None:
    """Show what stands behind a figure INDICATOR:ENTITY_KIND:ENTITY:PERIOD, e.g. output_m:town:town:2026-10.

    That is cells, settings of the catalogue, and other figures by the names they trace by.
    """
    from qxmonitor.trace import trace as cells_of

    def line(row: Row) -> str:
        read_by = f"（{row['read_by']}）" if row["read_by"] else ""
        if row["what"] != "cell":
            kind = {"parameter": f"参数 {row['file']}", "figure": "指标"}[row["what"]]
            return f"{kind}  {row['field']}" + ("" if row["value"] is None else f" = {row['value']}")
        return f"{row['file']}  {spot(row['sheet'], row['cell'])}  {row['field']} = {row['value']}{read_by}"

    answer(lambda wh: (cells_of(wh, figure, known_at=known_at), True), json_out, line)


@cli.command()
@click.argument("issue")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True)
@as_json
def replay(issue: str, out: Path, json_out: bool) -> None:
    """Write an issued briefing again as it was known then; fails unless the bytes are the same."""
    from qxmonitor import pipeline

    def work(wh: Warehouse) -> tuple[list[Row], bool]:
        rows = pipeline.replay(wh, issue, out)
        return rows, all(row["same"] for row in rows)

    answer(work, json_out, lambda row: f"{'一致' if row['same'] else '不一致'}  {row['path']}")


@cli.command()
@click.option("--firms", type=click.IntRange(20, 2_000), default=120, show_default=True)
@click.option("--months", "length", type=click.IntRange(15, 120), default=30, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
def demo(firms: int, length: int, seed: int) -> None:
    """Simulate a town, take its files in by arrival, compute, alert, deliver the newest month."""
    from qxmonitor import demo as demonstration

    with reported():
        demonstration.show(Settings.from_env(), firms=firms, length=length, seed=seed)


@cli.command()
@click.option(
    "--scale",
    type=click.Choice(["town", "city", "figures", "nation", "detectors", "scheduler"]),
    default="town",
    show_default=True,
)
@click.option("--firms", type=click.IntRange(20, 5_000), default=120, show_default=True, help="With scheduler.")
@as_json
def bench(scale: str, firms: int, json_out: bool) -> None:
    """Time the work users run: ingest beside raw COPY, a month end to end, all figures, detectors, a backfill."""
    with reported(json_out):
        if scale == "scheduler":
            from qxmonitor.operate import bench_scheduler

            rows = bench_scheduler.measure(firms, lambda words: click.echo(words, err=True))
        elif scale in ("figures", "nation"):
            from qxmonitor import bench_figures

            rows = bench_figures.measure(nation=500_000 if scale == "nation" else 0)
        elif scale == "detectors":
            from qxmonitor import bench_detectors

            rows = bench_detectors.measure()
        else:
            from qxmonitor import bench as benchmark

            rows = benchmark.measure(scale)
        print_rows(rows, json_out, lambda row: f"{row['what']:<44} {row['figure']:>12} {row['unit']}")


for command in (
    *cli_operate.COMMANDS,
    *cli_alerts.COMMANDS,
    *cli_backtest.COMMANDS,
    *cli_catalog.COMMANDS,
    *cli_evaluate.COMMANDS,
    *cli_forms.COMMANDS,
    *cli_growth.COMMANDS,
    *cli_landing.COMMANDS,
    *cli_letters.COMMANDS,
    *cli_lists.COMMANDS,
    *cli_quarantine.COMMANDS,
    *cli_revisions.COMMANDS,
    *cli_statistics.COMMANDS,
    *cli_validation.COMMANDS,
):
    cli.add_command(command)


def main() -> None:
    """Entry point of the ``qxmonitor`` command; ended politely (SIGTERM) it still stops the server it started."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    cli(prog_name="qxmonitor")
