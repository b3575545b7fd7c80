"""Time of the processor that reports use: what is left of a measurement when others work on the same machine."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.insights.connection import reader_for
from app.runtime import settings


@dataclass(frozen=True, slots=True)
class Processor:
    """This thread's time, and that of the server's thread for our connection where `/proc` shows it (`stat`)."""

    stat: Path | None
    is_known: bool

    @classmethod
    def of_reports(cls) -> Processor:
        """For the connection that reports are read by: the only one of this process's pool."""
        reader = reader_for(settings().insights_database_uri)
        if reader.dialect == "sqlite":
            return cls(None, True)
        with suppress(Exception):
            sql = "SELECT TID FROM information_schema.PROCESSLIST WHERE ID = CONNECTION_ID()"
            # The same time limit as reports have, because each limit has connections of its own.
            thread = int(reader.fetch(sql, most=1, seconds=settings().sql_timeout_seconds)[1][0][0])
            stat = next(Path("/proc").glob(f"[0-9]*/task/{thread}/schedstat"))
            return cls(stat, os.access(stat, os.R_OK))
        return cls(None, False)

    def seconds(self) -> float | None:
        """Used so far; None where nobody tells."""
        if not self.is_known:
            return None
        ours = time.thread_time()
        return ours + int(self.stat.read_text().split()[0]) / 1e9 if self.stat else ours
