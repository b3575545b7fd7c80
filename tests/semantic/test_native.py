"""The one thread: it is waited for so long and no longer, and never stops the greenlets of a web process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest

from app.semantic.native import Busy, OneThread

ROOT = Path(__file__).resolve().parents[2]


def test_it_hands_back_results_and_errors() -> None:
    thread = OneThread(stuck_seconds=30)
    assert thread.call(lambda: 6 * 7, 30) == 42
    with pytest.raises(ZeroDivisionError):
        thread.call(lambda: 1 // 0, 30)

    class Panic(BaseException):
        """As Rust's panics are."""

    def panic() -> None:
        raise Panic()

    with pytest.raises(RuntimeError, match="Panic"):
        thread.call(panic, 30)
    assert thread.call(lambda: "still there", 30) == "still there"


def test_a_call_that_hangs_is_given_up_and_nobody_queues_behind_it() -> None:
    thread, release = OneThread(stuck_seconds=0.01), Event()
    with pytest.raises(TimeoutError):
        thread.call(lambda: release.wait(60), 0.05)
    with pytest.raises(Busy):
        thread.call(lambda: 1, 60)
    release.set()
    done = Event()
    thread.start(done.set)
    assert done.wait(30)
    assert thread.call(lambda: 2, 30) == 2


def test_a_call_that_was_given_up_before_its_turn_is_not_made() -> None:
    thread, release, made = OneThread(stuck_seconds=60), Event(), []
    thread.start(lambda: release.wait(60))
    with pytest.raises(TimeoutError):
        thread.call(lambda: made.append(1), 0.05)
    release.set()
    assert thread.call(lambda: made, 30) == []


GREENLETS = """
from gevent import monkey
monkey.patch_all()
import gevent, time
from app.semantic.native import OneThread
sleep = monkey.get_original("time", "sleep")
ticks, thread = [], OneThread(stuck_seconds=60)
def tick():
    while True:
        ticks.append(1)
        gevent.sleep(0.001)
gevent.spawn(tick)
assert thread.call(lambda: sleep(0.5) or "encoded", 60) == "encoded"
assert len(ticks) > 5, len(ticks)
try:
    thread.call(lambda: sleep(5), 0.05)
except TimeoutError:
    print("greenlets went on")
"""


def test_greenlets_go_on_while_the_thread_computes() -> None:
    done = subprocess.run(
        [sys.executable, "-c", GREENLETS], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.stdout.strip() == "greenlets went on", done.stderr[-2_000:]
