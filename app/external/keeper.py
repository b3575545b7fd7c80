"""Keeps an attached server that is a program of this machine: `python -I keeper.py <lifeline> <command> [argument ...]`.

It starts the command on its own standard input and output and ends when the command does. When the lifeline, a pipe
whose other end only the shop's process holds, is closed, by the shop or by its sudden death, it ends the command and
all that the command has started. It needs nothing but Python, so that it starts fast.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress

GRACE_SECONDS = 1.0
NOT_STARTED = 127


def main(lifeline: int, command: list[str]) -> int:
    """Run the command to its end; its exit status."""
    _adopt_orphans()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _note)
    try:
        child = subprocess.Popen(command, process_group=0)  # noqa: S603 - the allow-list's
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        return NOT_STARTED
    # Else nobody would see the end of the command's input and output.
    os.close(0)
    os.close(1)
    _wait(child, lifeline, woken)
    return _end(child)


_stopping: list[int] = []


def _note(number: int, _frame: object) -> None:
    if number != signal.SIGCHLD:
        _stopping.append(number)


def _wait(child: subprocess.Popen[bytes], lifeline: int, woken: int) -> None:
    """Until the command has ended, the lifeline was cut, or somebody told us to stop."""
    while child.poll() is None and not _stopping:
        ready, _, _ = select.select([lifeline, woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
        if lifeline in ready and not os.read(lifeline, 1):
            return


def _end(child: subprocess.Popen[bytes]) -> int:
    """End what is left of the command, kindly first."""
    _signal(child.pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    _signal(child.pid, signal.SIGKILL)
    status = child.wait()
    for _ in range(50):
        if not _end_orphans():
            break
        time.sleep(0.02)
    return status if status >= 0 else 128 - status


def _signal(group: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _adopt_orphans() -> None:
    """Linux: what the command leaves behind becomes ours (PR_SET_CHILD_SUBREAPER)."""
    if sys.platform == "linux":
        with suppress(ImportError, OSError, AttributeError):
            import ctypes

            ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def _end_orphans() -> bool:
    """Kill and reap what was adopted; True when there may be more."""
    with suppress(OSError), open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as children:
        for pid in children.read().split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
    try:
        return os.waitpid(-1, os.WNOHANG) is not None
    except ChildProcessError:
        return False


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
