"""A running shop: the real program, started as a user starts it, on a free port and in an empty home."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from app.config import PROJECT_ROOT

START_SECONDS = 120


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class RunningShop:
    """Where it answers, and its supervisor's process."""

    url: str
    home: Path
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def start_shop(home: Path, **environment: str) -> RunningShop:
    """Start the supervisor and wait until `/health` answers."""
    port = free_port()
    home.mkdir(parents=True, exist_ok=True)
    inherited = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "REDIS_URL", "PORT")}
    values = {
        **inherited,
        "PORT": str(port),
        "MCPSHOP_HOME": str(home),
        "RATELIMIT_ENABLED": "0",
        **environment,
    }
    log = (home / "start.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "app.supervisor"], cwd=PROJECT_ROOT, env=values, stdout=log, stderr=log
    )
    shop = RunningShop(f"http://127.0.0.1:{port}", home, process)
    _wait_until_healthy(shop)
    return shop


def _wait_until_healthy(shop: RunningShop) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if shop.process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{shop.url}/api/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    shop.process.kill()
    raise RuntimeError((shop.home / "start.log").read_text(errors="replace")[-3000:])
