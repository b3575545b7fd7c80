"""Starts the programs of a plan in order, keeps them alive, stops them in order."""

from __future__ import annotations

import os
import selectors
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from app.supervisor.child import Child, Program
from app.supervisor.console import Console
from app.supervisor.preflight import StartError

TICK = 0.05
START_SECONDS = 60.0
CRASHES = 5
CRASH_SECONDS = 30.0
LONGEST_PAUSE = 15.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run: `stores` first, then each of `setup` to its end, then `services`, watched until a stop."""

    folder: Path
    environment: Mapping[str, str]
    stores: tuple[Program, ...]
    setup: tuple[Program, ...]
    services: tuple[Program, ...]
    announcement: str


class StopRequested(Exception):
    """Somebody asked the supervisor to stop."""


@dataclass(slots=True)
class Slot:
    """A watched program: its process when it runs, and when it last died (monotonic seconds)."""

    program: Program
    child: Child | None = None
    deaths: deque[float] = field(default_factory=lambda: deque(maxlen=CRASHES))
    start_at: float = 0.0

    def note_death(self, now: float) -> float:
        """Record a death and return the pause before the next start: none at first, then doubling."""
        self.deaths.append(now)
        recent = sum(1 for died in self.deaths if now - died < 2 * CRASH_SECONDS)
        pause = 0.0 if recent == 1 else min(0.25 * 2 ** (recent - 1), LONGEST_PAUSE)
        self.start_at = now + pause
        return pause

    def keeps_crashing(self) -> bool:
        """Whether its last deaths came so close together that another start would not help."""
        return len(self.deaths) == CRASHES and self.deaths[-1] - self.deaths[0] < CRASH_SECONDS


class Supervisor:
    """Runs one plan; single-threaded, since a child dies with the thread that forked it."""

    def __init__(self, plan: Plan, console: Console) -> None:
        self._plan = plan
        self._console = console
        self._selector = selectors.DefaultSelector()
        self._slots: list[Slot] = []
        self._stop_signals = 0
        self._last_stop_signal = float("-inf")
        self._is_announced = False

    def run(self) -> int:
        """Start everything, watch it until asked to stop, stop everything; returns the exit code."""
        self._listen_to_signals()
        try:
            self._start_all()
            self._is_announced = True
            self._console.say(self._plan.announcement)
            while True:
                self._turn(None)
        except StopRequested:
            self._console.say("Stopping.")
            return 0
        finally:
            self._stop_all()

    def _start_all(self) -> None:
        for program in self._plan.stores:
            self._watch(program)
        for program in self._plan.setup:
            self._run_to_end(program)
        # One after the other: what is announced comes first, and has the machine to itself.
        for program in self._plan.services:
            self._watch(program)

    def _watch(self, program: Program) -> None:
        slot = Slot(program)
        self._slots.append(slot)
        slot.child = self._spawn(program)
        self._wait_until(program.is_ready, f"{program.name} did not answer")

    def _run_to_end(self, program: Program) -> None:
        child = self._spawn(program)
        try:
            while (code := child.exit_code()) is None:
                self._turn(TICK)
            self._drain(child)
        finally:
            self._dismiss(child)
        if code:
            raise StartError(f"The {program.name} step failed (exit code {code}); see {self._console.path}.")

    def _wait_until(self, is_done: Callable[[], bool], complaint: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not is_done():
            if time.monotonic() > deadline:
                raise StartError(f"{complaint} within {START_SECONDS:.0f} seconds; see {self._console.path}.")
            self._turn(TICK)

    def _turn(self, timeout: float | None) -> None:
        """One round: forward output, heed signals, restart what died."""
        due = [slot.start_at - time.monotonic() for slot in self._slots if slot.child is None]
        if due:
            timeout = max(0.0, min(due if timeout is None else [*due, timeout]))
        self._forward_output(timeout)
        if self._stop_signals:
            raise StopRequested
        for slot in self._slots:
            self._tend(slot)

    def _tend(self, slot: Slot) -> None:
        if slot.child is None:
            if time.monotonic() >= slot.start_at:
                slot.child = self._spawn(slot.program)
            return
        code = slot.child.exit_code()
        if code is None:
            return
        self._drain(slot.child)
        self._dismiss(slot.child)
        slot.child = None
        pause = slot.note_death(time.monotonic())
        reason = f"{slot.program.name} stopped ({_how(code)})"
        if slot.keeps_crashing() and not self._is_announced:
            raise StartError(f"{reason}, {CRASHES} times in a row; see {self._console.path}.")
        self._console.say(f"{reason}; starting it again{f' in {pause:g} seconds' if pause else ''}.")

    def _stop_all(self) -> None:
        """Stop in the order of the services, the stores last; kill what does not stop in time."""
        count = len(self._plan.stores)
        for slot in (*self._slots[count:], *reversed(self._slots[:count])):
            if slot.child is not None:
                self._stop(slot.child)
                slot.child = None

    def _stop(self, child: Child) -> None:
        # The second SIGTERM is for the worker: it gives up the job at hand, which another run takes up again.
        for seconds in (child.program.stop_seconds, 2.0):
            child.signal(signal.SIGTERM)
            if self._wait_for_end(child, seconds):
                break
        else:
            self._console.say(f"{child.program.name} did not stop in time and was killed.")
        self._drain(child)
        self._dismiss(child)

    def _wait_for_end(self, child: Child, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while child.exit_code() is None:
            # A second Ctrl-C means: now.
            if time.monotonic() > deadline or self._stop_signals > 1:
                return False
            self._forward_output(TICK)
        return True

    def _spawn(self, program: Program) -> Child:
        try:
            child = Child(program, folder=self._plan.folder, environment=self._plan.environment)
        except OSError as error:
            raise StartError(f"{program.command[0]} cannot be started ({error.strerror}).") from None
        self._selector.register(child.output, selectors.EVENT_READ, child)
        return child

    def _dismiss(self, child: Child) -> None:
        child.kill_group()
        self._forget(child)
        child.close()

    def _forget(self, child: Child) -> None:
        if child.output in self._selector.get_map():
            self._selector.unregister(child.output)

    def _forward_output(self, timeout: float | None) -> None:
        for key, _ in self._selector.select(timeout):
            if isinstance(key.data, Child):
                self._forward(key.data)
            else:
                os.read(key.fd, 4096)

    def _forward(self, child: Child) -> bool:
        lines = child.read_lines()
        if lines is None:
            self._forget(child)
            return False
        for line in lines:
            self._console.forward(child.program.name, line, is_quiet=child.program.is_quiet)
        return bool(lines)

    def _drain(self, child: Child) -> None:
        while child.output in self._selector.get_map() and self._forward(child):
            pass

    def _listen_to_signals(self) -> None:
        """Make signals wake the select: those that stop, and a child's end."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        self._selector.register(reader, selectors.EVENT_READ)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # Under nohup the hang-up is ignored, and stays so. A shell ignores SIGINT for what it starts with "&"; one
            # that is sent all the same means it.
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._request_stop)

    def _request_stop(self, number: int, frame: FrameType | None) -> None:
        # make passes a SIGTERM on that its group had got already: one wish, not two.
        now = time.monotonic()
        if now - self._last_stop_signal > 1.0:
            self._stop_signals += 1
        self._last_stop_signal = now


def _how(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
