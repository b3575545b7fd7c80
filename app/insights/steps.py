"""The steps of an answer of the operators' desk: what was done, with what result, in how many milliseconds.

A step is told to a listener as it begins and as it ends, so that a page or a stream can show it while the work goes on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Name = Literal["route", "gen_sql", "run_sql", "retrieve_kb", "compose", "execute"]


@dataclass(slots=True)
class Step:
    """One step. `result` is what the reader is told of it; `milliseconds` is set when it is over."""

    name: Name
    arguments: Mapping[str, Any]
    result: dict[str, Any] = field(default_factory=dict)
    milliseconds: float = 0.0
    is_failed: bool = False


class Listener(Protocol):
    """Whoever follows the work. An exception of a listener (a stop) ends the work."""

    def begins(self, step: Step) -> None: ...

    def ends(self, step: Step) -> None: ...


class Steps:
    """The record of one answer."""

    def __init__(self, listener: Listener | None = None) -> None:
        self._listener = listener
        self.done: list[Step] = []

    @contextmanager
    def step(self, name: Name, **arguments: Any) -> Iterator[Step]:
        """Do something as a named step; what is put into its `result` is shown. A step that raises is told as failed."""
        step = Step(name, arguments)
        if self._listener is not None:
            self._listener.begins(step)
        started = time.perf_counter()
        try:
            yield step
        except BaseException:
            step.is_failed = True
            raise
        finally:
            step.milliseconds = round((time.perf_counter() - started) * 1_000, 2)
            self.done.append(step)
            if self._listener is not None:
                self._listener.ends(step)

    @property
    def timings_ms(self) -> dict[str, float]:
        """Milliseconds by name; steps of one name are added up."""
        found: dict[str, float] = {}
        for step in self.done:
            found[step.name] = round(found.get(step.name, 0.0) + step.milliseconds, 2)
        return found
