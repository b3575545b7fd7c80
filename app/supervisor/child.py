"""One program that the supervisor runs, as a process in a session of its own."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, cast

from app.supervisor.lifeline import die_with_parent


@dataclass(frozen=True, slots=True)
class Program:
    """What to run; `is_ready` is asked until it says yes, `stop_seconds` is the grace before a kill."""

    name: str
    command: tuple[str, ...]
    is_ready: Callable[[], bool] = lambda: True
    stop_seconds: float = 15.0
    is_quiet: bool = False


class Child:
    """A running program, and the text that it writes."""

    def __init__(self, program: Program, *, folder: Path, environment: Mapping[str, str]) -> None:
        self.program = program
        # With no buffer of its own, so that a select on the pipe sees all that is there.
        self._process = subprocess.Popen(  # noqa: S603 - the plan's own programs
            program.command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            # Ctrl-C in the terminal reaches the supervisor alone, which stops its children in order.
            start_new_session=True,
            # Safe: the supervisor has no threads.
            preexec_fn=partial(die_with_parent, os.getpid()),
        )
        self._rest = b""
        os.set_blocking(self.output.fileno(), False)

    @property
    def output(self) -> IO[bytes]:
        """The pipe that carries what the program writes."""
        return cast(IO[bytes], self._process.stdout)

    @property
    def pid(self) -> int:
        """The process id, which is its session's and group's id too."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """The exit code, minus the signal's number when one killed it, None while it runs."""
        return self._process.poll()

    def read_lines(self) -> list[str] | None:
        """The whole lines written since the last call; None at the end of the output."""
        try:
            chunk = os.read(self.output.fileno(), 65_536)
        except BlockingIOError:
            return []
        if not chunk:
            return None
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return [line.decode(errors="replace").rstrip("\r") for line in lines]

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program itself, which tells its own children."""
        if self.exit_code() is None:
            self._process.send_signal(number)

    def kill_group(self) -> None:
        """End whatever is left of the program and its children, at once."""
        # macOS answers with PermissionError for a group of which only a zombie is left.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Release the pipe and the process table's entry."""
        self.output.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
