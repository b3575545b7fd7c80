"""What a query means by today and now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from app.core.clock import business_day
from app.core.clock import now as clock_now

DEFAULT_TIMEZONE = "Asia/Shanghai"


@dataclass(frozen=True, slots=True)
class Moment:
    """CURDATE() is `today`, the business day in the shop's zone (as `paid_on` is); NOW() is `now`, UTC (as `created_at` is).

    Both are written into the SQL as values: a report says which days it covers, and both engines mean the same.
    """

    today: date
    now: datetime

    @classmethod
    def current(cls, timezone: str = DEFAULT_TIMEZONE) -> Moment:
        """This moment in a shop of that zone."""
        moment = clock_now().astimezone(UTC)
        return cls(business_day(moment, timezone), moment)
