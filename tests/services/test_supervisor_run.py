"""`make run` for real: an empty home, the real processes, and what happens to them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, Retry

from app.supervisor.redis_server import socket_path
from tests.parallel import crowd
from tests.services.process_tools import (
    command_of,
    process_table,
    processes_below,
    read_until,
    survivors,
    wait_for,
)

ROOT = Path(__file__).resolve().parents[2]
PARTS = {
    "web": "gunicorn",
    "worker": "worker.py",
    "scheduler": "worker.py --scheduler",
    "redis": "redis-server",
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(sys.platform != "linux", reason="the embedded Redis and the death signal are Linux's"),
]


@dataclass(slots=True)
class Shop:
    """A supervisor at work."""

    process: subprocess.Popen[str]
    home: Path
    port: int

    def pid_of(self, part: str) -> int:
        """The process id of one of the supervisor's own children; StopIteration when it does not run."""
        below = [pid for pid, (parent, state) in process_table().items() if parent == self.process.pid]
        ending = PARTS[part]
        if part in ("worker", "scheduler"):
            return next(pid for pid in below if command_of(pid).endswith(ending))
        return next(pid for pid in below if ending in command_of(pid))

    def is_healthy(self) -> bool:
        """Whether the web process answers."""
        with (
            suppress(OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5) as answer,
        ):
            return bool(answer.status == 200)
        return False

    def redis(self) -> Redis:
        """A client of the embedded Redis."""
        return Redis(unix_socket_path=str(socket_path(self.home)))

    def kill(self, part: str) -> int:
        """Kill a part the hard way and wait for its successor; returns that one's process id."""
        victim = self.pid_of(part)
        os.kill(victim, signal.SIGKILL)
        read_until(self.process, f"{part} stopped (killed by SIGKILL); starting it again.")

        def is_back() -> bool:
            with suppress(StopIteration):
                return self.pid_of(part) != victim
            return False

        wait_for(is_back)
        return self.pid_of(part)


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    """Starts the real supervisor in an empty home, without demo data."""
    started: list[subprocess.Popen[str]] = []

    def start(**settings: str) -> Shop:
        port = int(settings.get("PORT", free_port()))
        unset = ("REDIS_URL", "DATABASE_URL", "SECRET_KEY", "APP_ENV")
        environment = {name: value for name, value in os.environ.items() if name not in unset}
        environment |= {
            "MCPSHOP_HOME": str(tmp_path / "home"),
            "MCPSHOP_DEMO": "0",
            "PORT": str(port),
            **settings,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "app.supervisor"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return Shop(process, tmp_path / "home", port)

    yield start
    for process in started:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture
def shop(launch: Callable[..., Shop]) -> Shop:
    """A shop that has printed its address."""
    started = launch()
    read_until(started.process, f"MCPShop is running at http://127.0.0.1:{started.port}")
    return started


def test_whatever_is_killed_comes_back_and_a_stop_leaves_nothing(shop: Shop) -> None:
    for part in ("web", "worker", "scheduler"):
        shop.kill(part)
    wait_for(shop.is_healthy, 15)
    finish_a_job(shop)
    everything = processes_below(shop.process.pid)
    assert len(everything) >= 5

    shop.process.send_signal(signal.SIGTERM)
    shop.process.communicate(timeout=30)

    assert shop.process.returncode == 0
    assert survivors(everything) == []


def test_worker_and_scheduler_find_a_redis_that_came_back(shop: Shop) -> None:
    finish_a_job(shop)
    before = [shop.pid_of(part) for part in ("web", "worker", "scheduler")]
    shop.kill("redis")
    finish_a_job(shop)
    wait_for(lambda: shop.redis().get("mcpshop:scheduler") is not None)
    assert [shop.pid_of(part) for part in ("web", "worker", "scheduler")] == before


def test_killing_the_supervisor_takes_everything_with_it(shop: Shop) -> None:
    queue = Queue("default", connection=shop.redis())
    queue.enqueue("time.sleep", 600)
    worker = shop.pid_of("worker")
    wait_for(lambda: processes_below(worker) != [], 15)
    everything = processes_below(shop.process.pid)
    shop.process.kill()
    shop.process.wait()
    wait_for(lambda: survivors(everything) == [])


def test_the_job_of_a_killed_worker_runs_again_within_half_a_minute(shop: Shop, tmp_path: Path) -> None:
    note = tmp_path / "runs"
    command = ["sh", "-c", f"echo run >> {note}; [ $(wc -l < {note}) -gt 1 ] || sleep 600"]
    Queue("default", connection=shop.redis()).enqueue("subprocess.check_call", command, retry=Retry(max=2))
    wait_for(note.exists, 15)
    killed_at = time.monotonic()
    shop.kill("worker")
    wait_for(lambda: note.read_text().count("run") == 2, 40)
    assert time.monotonic() - killed_at < 30


def test_the_second_start_takes_less_than_five_seconds(shop: Shop, launch: Callable[..., Shop]) -> None:
    def seconds_to_start() -> float:
        shop.process.send_signal(signal.SIGINT)
        shop.process.communicate(timeout=30)
        started_at = time.monotonic()
        shop.process = launch(PORT=str(shop.port)).process
        read_until(shop.process, "MCPShop is running at")
        return time.monotonic() - started_at

    assert any(seconds_to_start() < 5 * crowd() for _ in range(3))


def test_a_busy_port_ends_in_one_sentence_before_anything_is_touched(launch: Callable[..., Shop]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        shop = launch(PORT=str(taken.getsockname()[1]))
        output, _ = shop.process.communicate(timeout=30)
    assert shop.process.returncode == 1
    assert output.startswith(f"Port {shop.port} on 127.0.0.1 is not free")
    assert output.count("\n") == 1
    assert not shop.home.exists()


def test_an_external_redis_that_is_away_ends_in_one_sentence(launch: Callable[..., Shop]) -> None:
    shop = launch(REDIS_URL=f"redis://:secret@127.0.0.1:{free_port()}/0")
    output, _ = shop.process.communicate(timeout=30)
    assert shop.process.returncode == 1
    assert output.startswith("No Redis answers at 127.0.0.1:")
    assert "secret" not in output


def test_a_wrong_setting_is_named(launch: Callable[..., Shop]) -> None:
    shop = launch(APP_ENV="production")
    output, _ = shop.process.communicate(timeout=30)
    assert shop.process.returncode == 1
    assert "SECRET_KEY must be set" in output


def finish_a_job(shop: Shop) -> None:
    """Enqueue a job, as soon as Redis takes it, and wait until a worker has done it."""
    wait_for(lambda: answers(shop.redis()))
    job = Queue("default", connection=shop.redis()).enqueue("os.getcwd", result_ttl=60)
    wait_for(lambda: job.get_status() == "finished", 20)
    assert job.return_value() == str(ROOT)


def answers(connection: Redis) -> bool:
    """Whether this Redis is there."""
    with suppress(RedisError):
        return bool(connection.ping())
    return False


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
