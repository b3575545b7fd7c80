"""The supervisor with small stand-ins for the shop's programs: order, restarts, stops, no leftovers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.config import Settings
from app.jobs.queues import INDEX, QUEUES
from app.supervisor.preflight import StartError, check_port, ensure_secret, hold_home
from app.supervisor.programs import _services
from app.supervisor.redis_server import LONGEST_SOCKET_PATH, find_redis_server, socket_path
from app.supervisor.supervisor import Slot
from tests.services.process_tools import processes_below, read_until, survivors, wait_for

ROOT = Path(__file__).resolve().parents[2]

# Runs a plan of stand-ins: most note their process id and sleep, `family` has a child of its own.
RUNNER = """
import os, sys
from pathlib import Path
from app.supervisor.child import Program
from app.supervisor.console import Console
from app.supervisor.preflight import StartError
from app.supervisor.supervisor import Plan, Supervisor
home = Path(sys.argv[1])
py = lambda code: (sys.executable, "-c", f"import os, signal, subprocess, sys, time; {code}")
def note(name):
    return f"open('{home}/{name}', 'a').write(f'{{os.getpid()}} '); print('{name} is up', flush=True); "
programs = {
    "store": py(note("store") + "time.sleep(1000)"),
    "setup": py(note("setup")),
    "steady": py(note("steady") + "time.sleep(1000)"),
    "stubborn": py("signal.signal(signal.SIGTERM, signal.SIG_IGN); " + note("stubborn") + "time.sleep(1000)"),
    "family": py(note("family") + "subprocess.Popen(['sleep', '1000']); time.sleep(1000)"),
    "crasher": py("sys.exit('no such table')"),
}
program = lambda name: Program(name, programs[name], is_ready=(home / name).exists, stop_seconds=0.3)
plan = Plan(Path.cwd(), os.environ, (program("store"),), (program("setup"),),
            tuple(program(name) for name in sys.argv[2:]), "all is up")
try:
    sys.exit(Supervisor(plan, Console(home / "run.log")).run())
except StartError as error:
    sys.exit(str(error))
"""

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a supervisor over the named stand-ins in `tmp_path`."""
    started: list[subprocess.Popen[str]] = []

    def run(*names: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", RUNNER, str(tmp_path), *names],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def test_it_starts_stores_then_setup_then_services_and_stops_them_all(start: Start, tmp_path: Path) -> None:
    supervisor = start("steady", "family")
    read_until(supervisor, "all is up")
    session = processes_below(supervisor.pid)
    assert len(session) == 4

    supervisor.send_signal(signal.SIGTERM)
    output, _ = supervisor.communicate(timeout=10)

    assert supervisor.returncode == 0
    assert "Stopping." in output
    assert survivors(session) == []
    log = (tmp_path / "run.log").read_text()
    assert log.index("store is up") < log.index("setup is up") < log.index("steady is up")


def test_a_program_that_dies_is_started_again_at_once(start: Start, tmp_path: Path) -> None:
    supervisor = start("steady")
    read_until(supervisor, "all is up")
    for count, name in enumerate(("steady", "steady", "store"), start=1):
        os.kill(pids(tmp_path, name)[-1], signal.SIGKILL)
        read_until(supervisor, f"{name} stopped (killed by SIGKILL); starting it again")
        wait_for(lambda wanted=2 + count: len(pids(tmp_path, "steady") + pids(tmp_path, "store")) == wanted)


def test_it_kills_what_does_not_stop_in_time(start: Start, tmp_path: Path) -> None:
    supervisor = start("stubborn")
    read_until(supervisor, "all is up")
    supervisor.send_signal(signal.SIGINT)
    output, _ = supervisor.communicate(timeout=10)
    assert "stubborn did not stop in time and was killed." in output
    assert survivors(pids(tmp_path, "stubborn")) == []


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_killing_the_supervisor_itself_leaves_none_of_its_children(start: Start) -> None:
    supervisor = start("steady", "stubborn")
    read_until(supervisor, "all is up")
    children = processes_below(supervisor.pid)
    supervisor.kill()
    supervisor.wait()
    wait_for(lambda: survivors(children) == [])


def test_a_program_that_never_starts_ends_the_run_with_one_sentence(start: Start, tmp_path: Path) -> None:
    supervisor = start("crasher")
    output, _ = supervisor.communicate(timeout=30)
    assert supervisor.returncode == 1
    assert "no such table" in output
    last = output.strip().splitlines()[-1]
    assert last == f"crasher stopped (exit code 1), 5 times in a row; see {tmp_path}/run.log."
    assert survivors(pids(tmp_path, "store")) == []


def test_pauses_grow_while_a_program_keeps_dying() -> None:
    slot = Slot(program=None)  # type: ignore[arg-type]
    assert [slot.note_death(now) for now in (0.0, 1.0, 2.0, 3.0)] == [0.0, 0.5, 1.0, 2.0]
    assert not slot.keeps_crashing()
    slot.note_death(4.0)
    assert slot.keeps_crashing()
    assert slot.note_death(400.0) == 0.0


def test_a_busy_port_is_named_with_a_way_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            StartError, match=rf"Port {port} on 127.0.0.1 is not free .*PORT={port + 1} make run"
        ):
            check_port("127.0.0.1", port)


def test_two_supervisors_cannot_share_a_home(tmp_path: Path) -> None:
    with (
        hold_home(tmp_path),
        pytest.raises(StartError, match="Another MCPShop is running"),
        hold_home(tmp_path),
    ):
        pass
    with hold_home(tmp_path):
        pass


def test_the_secret_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    secret = ensure_secret(tmp_path)
    assert len(secret) >= 32
    assert ensure_secret(tmp_path) == secret
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600


def test_a_missing_redis_server_ends_in_a_sentence_that_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("app.supervisor.redis_server.find_spec", lambda name: None)
    with pytest.raises(StartError, match=r"No redis-server was found; install one .*REDIS_URL"):
        find_redis_server()


def test_a_long_home_still_gets_a_socket_that_fits(tmp_path: Path) -> None:
    assert socket_path(Path("/var/shop")) == Path("/var/shop/redis/redis.sock")
    assert len(os.fsencode(socket_path(tmp_path / ("long" * 40)))) <= LONGEST_SOCKET_PATH


def pids(home: Path, name: str) -> list[int]:
    """The process ids that a stand-in wrote down, oldest first."""
    path = home / name
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def test_with_a_model_for_meaning_every_queue_has_one_worker_and_the_index_one_of_its_own(
    tmp_path: Path,
) -> None:
    def commands(**settings: object) -> dict[str, tuple[str, ...]]:
        found = _services(Settings(mcpshop_home=tmp_path, _env_file=None, **settings))
        return {program.name: program.command for program in found if program.name in ("worker", "indexer")}

    assert list(commands()) == ["worker"]
    split = commands(embed_model_path=tmp_path)
    queues = [command[-1].split(",") for command in split.values()]
    assert (
        sorted(name for part in queues for name in part) == sorted(QUEUES) and split["indexer"][-1] == INDEX
    )
