"""The commands of those who run an installation: services, checks, upkeep."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from qxmonitor.settings import Settings
from qxmonitor.terminal import Row, answer, as_json, print_rows, reported

if TYPE_CHECKING:
    from qxmonitor.warehouse import Warehouse

port_option = click.option("--port", type=click.IntRange(1024, 65535), default=8080, show_default=True)


@click.command()
@port_option
def up(port: int) -> None:
    """Run scheduler and UI until Ctrl-C, on this machine only."""
    from qxmonitor.operate.up import keep_up

    with reported():
        try:
            keep_up(Settings.from_env(), port=port, say=click.echo)
        except KeyboardInterrupt:
            click.echo("已停止")


@click.command()
@port_option
@as_json
def doctor(port: int, json_out: bool) -> None:
    """Check the installation part by part, and say what to do."""
    from qxmonitor.operate.doctor import examine

    found = examine(Settings.from_env(), port=port)
    marks = {"ok": "正常", "note": "注意", "bad": "有误"}

    def line(row: Row) -> str:
        advice = f" → {row['do']}" if row["do"] else ""
        return f"[{marks[row['verdict']]}] {row['part']}：{row['words']}{advice}"

    print_rows([finding._asdict() for finding in found], json_out, line)
    if any(finding.verdict == "bad" for finding in found):
        sys.exit(1)


@click.command()
@as_json
def watch(json_out: bool) -> None:
    """List what is due and has not happened; tell the operators what is new, once."""
    from qxmonitor import pipeline

    answer(lambda wh: (pipeline.watch(wh), True), json_out, lambda row: f"{row['words']}（自 {row['since'][:16]}）")


@click.command()
@click.option("--keep-days", type=click.IntRange(7, 3650), default=90, show_default=True)
@as_json
def upkeep(keep_days: int, json_out: bool) -> None:
    """Clean Airflow's database and logs of what is old; business data is never touched."""
    from qxmonitor.operate.upkeep import clean

    def work(wh: Warehouse) -> tuple[list[Row], bool]:
        return [dict(clean(wh.settings, keep_days=keep_days))], True

    answer(work, json_out, lambda row: f"已删除旧日志 {row['removed']} 个，轮换服务日志 {row['rotated']} 个")


@click.command()
@click.option("--to", "url", required=True, help="URL of the outside server's empty database.")
@as_json
def move(url: str, json_out: bool) -> None:
    """Copy the embedded server's databases to a server of the office's own, and compare."""
    from qxmonitor.operate.move import move as move_to

    with reported(json_out):
        rows = move_to(Settings.from_env(), url)
        print_rows(rows, json_out, lambda row: f"{row['database']}.{row['table']}：{row['here']} 行")
        if not json_out:
            click.echo("迁移完成。请设置 QXMONITOR_DATABASE_URL 为同一地址后重新启动。")


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def airflow(words: tuple[str, ...]) -> None:
    """Run an Airflow command in this installation's environment, e.g. `qxmonitor airflow dags list`."""
    import subprocess

    from qxmonitor.operate.environment import airflow_environment
    from qxmonitor.warehouse import Warehouse

    settings = Settings.from_env()
    with reported(), Warehouse(settings):
        done = subprocess.run([sys.executable, "-m", "airflow", *words], env=airflow_environment(settings), check=False)
    sys.exit(done.returncode)


@click.command()
@click.option("--months", "length", type=click.IntRange(2, 36), default=24, show_default=True)
@click.option("--kills", type=click.IntRange(0, 500), default=60, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--firms", type=click.IntRange(20, 500), default=30, show_default=True)
@as_json
def chaos(length: int, kills: int, seed: int, firms: int, json_out: bool) -> None:
    """Rebuild months under random kill -9 with two schedulers, and compare with an undisturbed run."""
    from dataclasses import asdict

    from qxmonitor.operate.chaos import rehearse

    with reported(json_out):
        say = (lambda words: click.echo(words, err=True)) if json_out else click.echo
        found = rehearse(Settings.from_env(), length=length, kills=kills, seed=seed, firms=firms, say=say)
        row = asdict(found) | {"kills": sum(found.kills.values()), **{f"kills_{k}": n for k, n in found.kills.items()},
                               "different": " ".join(found.different), "seconds": round(found.seconds, 1)}  # fmt: skip

    def line(row: Row) -> str:
        return (
            f"kill {row['kills']} 次（{'，'.join(f'{name} {n}' for name, n in sorted(found.kills.items()))}），"
            f"{row['seconds']} 秒；应发邮件 {row['mails']} 封：多发 {row['extra']}，丢失 {row['lost']}，"
            f"结果不明待人处理 {row['unknown']}；与平静运行不同之处：{row['different'] or '无'}"
        )

    print_rows([row], json_out, line)
    if not found.fine:
        sys.exit(1)


COMMANDS = (up, doctor, watch, upkeep, move, airflow, chaos)
