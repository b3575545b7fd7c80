"""Ninety days of orders with a story, made from a seed and a date alone (pure).

The story: in the last 7 days returning customers (2 or more earlier paid orders) order 30 % less often, new
customers come more often and buy less, and payments of store 3 fail more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from app.core.money import allocate

DAYS = 90
STORY_DAYS = 7
RETURNING_FACTOR = 0.7
NEW_CUSTOMER_FACTOR = 1.6
FAILURE_RATE = 0.025
STORY_STORE = 3
STORY_FAILURE_RATE = 0.16
ONE_TIME_SHARE = 0.4
MEAN_DAILY_RATE = 0.08
WEEKDAY_WEIGHTS = (0.9, 0.88, 0.92, 0.95, 1.1, 1.25, 1.2)
HOUR_WEIGHTS = (0,) * 8 + (2, 5, 8, 9, 9, 7, 6, 6, 7, 9, 11, 12, 11, 8, 4, 0)
LINE_WEIGHTS = (45, 28, 15, 8, 4)
NEW_LINE_WEIGHTS = (80, 20, 0, 0, 0)
CHANNELS = ("offline", "online", "delivery")


@dataclass(frozen=True, slots=True)
class Article:
    """What can be sold, with its popularity as a weight."""

    sku: str
    name: str
    name_en: str
    category: str
    price_cents: int
    weight: float


@dataclass(slots=True)
class Person:
    """A member in the making: `first_day` (0..89) is the day of the first order."""

    number: int
    store_id: int
    first_day: int
    daily_rate: float
    paid_orders: int = 0


@dataclass(slots=True)
class Sale:
    """One order to be written; money in cents, `created_at` in UTC."""

    created_at: datetime
    paid_at: datetime | None
    day: date
    store_id: int
    member_number: int | None
    channel: str
    lines: list[tuple[Article, int]]
    discount_cents: int = 0
    coupon_name: str = ""
    line_discounts: list[int] = field(default_factory=list)

    @property
    def original_cents(self) -> int:
        return sum(article.price_cents * qty for article, qty in self.lines)


class History:
    """Makes people and sales; the same seed, date and catalogue give the same result."""

    def __init__(
        self,
        *,
        seed: int,
        today: date,
        timezone: str,
        articles: Sequence[Article],
        store_weights: dict[int, float],
        members: int,
        orders: int,
    ) -> None:
        self._random = Random(seed)
        self._zone = ZoneInfo(timezone)
        self._first_day = today - timedelta(days=DAYS - 1)
        self._articles = list(articles)
        self._weights = [article.weight for article in articles]
        self._small = [a.weight if a.price_cents <= 16_000 else a.weight * 0.1 for a in articles]
        self._stores = list(store_weights)
        self._store_weights = list(store_weights.values())
        self._order_count = orders
        self.people = [self._person(number) for number in self._first_days(members)]

    def _first_days(self, members: int) -> list[tuple[int, int]]:
        """Three in ten were customers before and come in the first weeks; the rest arrive day by day."""
        old = members * 3 // 10
        weights = [NEW_CUSTOMER_FACTOR if day >= DAYS - STORY_DAYS else 1.0 for day in range(DAYS)]
        days = [self._random.randrange(0, 20) for _ in range(old)]
        days += self._random.choices(range(DAYS), weights, k=members - old)
        return list(enumerate(sorted(days)))

    def _person(self, numbered: tuple[int, int]) -> Person:
        number, first_day = numbered
        store = self._random.choices(self._stores, self._store_weights)[0]
        comes_back = self._random.random() > ONE_TIME_SHARE
        rate = min(0.5, self._random.expovariate(1 / MEAN_DAILY_RATE)) if comes_back else 0.0
        return Person(number, store, first_day, rate)

    def sales(self) -> list[Sale]:
        """All orders, oldest first."""
        sales = [sale for day in range(DAYS) for sale in self._member_sales(day)]
        guests = self._order_count - len(sales)
        weights = [WEEKDAY_WEIGHTS[self._date(day).weekday()] for day in range(DAYS)]
        for day in self._random.choices(range(DAYS), weights, k=max(0, guests)):
            store = self._random.choices(self._stores, self._store_weights)[0]
            sales.append(self._sale(day, store, None, is_new=False))
        return sorted(sales, key=lambda sale: sale.created_at)

    def _member_sales(self, day: int) -> Iterator[Sale]:
        in_story = day >= DAYS - STORY_DAYS
        for person in self.people:
            if person.first_day > day:
                break
            rate = person.daily_rate * WEEKDAY_WEIGHTS[self._date(day).weekday()]
            if in_story and person.paid_orders >= 2:
                rate *= RETURNING_FACTOR
            if person.first_day == day or self._random.random() < rate:
                sale = self._sale(day, person.store_id, person.number, is_new=person.paid_orders == 0)
                person.paid_orders += sale.paid_at is not None
                yield sale

    def _sale(self, day: int, store_id: int, member: int | None, *, is_new: bool) -> Sale:
        in_story = day >= DAYS - STORY_DAYS
        created = self._moment(day)
        failure = STORY_FAILURE_RATE if in_story and store_id == STORY_STORE else FAILURE_RATE
        is_paid = self._random.random() >= failure
        channel_weights = (70, 15, 15) if member is None else (40, 40, 20)
        sale = Sale(
            created_at=created,
            paid_at=created + timedelta(seconds=self._random.randrange(20, 600)) if is_paid else None,
            day=self._date(day),
            store_id=store_id,
            member_number=member,
            channel=self._random.choices(CHANNELS, channel_weights)[0],
            lines=self._lines(is_small=in_story and is_new and member is not None),
        )
        self._discount(sale)
        return sale

    def _lines(self, *, is_small: bool) -> list[tuple[Article, int]]:
        count = self._random.choices((1, 2, 3, 4, 5), NEW_LINE_WEIGHTS if is_small else LINE_WEIGHTS)[0]
        drawn = self._random.choices(self._articles, self._small if is_small else self._weights, k=count)
        quantities: dict[str, tuple[Article, int]] = {}
        for article in drawn:
            quantities[article.sku] = (article, quantities.get(article.sku, (article, 0))[1] + 1)
        return list(quantities.values())

    def _discount(self, sale: Sale) -> None:
        original, luck = sale.original_cents, self._random.random()
        if original >= 30_000 and luck < 0.3:
            sale.discount_cents, sale.coupon_name = 5_000, "满300减50"
        elif original >= 10_000 and luck > 0.92:
            sale.discount_cents, sale.coupon_name = min(8_000, original * 15 // 100), "8.5折"
        sale.line_discounts = allocate(sale.discount_cents, [a.price_cents * qty for a, qty in sale.lines])

    def _date(self, day: int) -> date:
        return self._first_day + timedelta(days=day)

    def _moment(self, day: int) -> datetime:
        """A moment of that business day; today's lie before 08:00, so that none is in the future for long."""
        if day == DAYS - 1:
            seconds = self._random.randrange(0, 8 * 3600 - 600)
        else:
            hour = self._random.choices(range(24), HOUR_WEIGHTS)[0]
            seconds = hour * 3600 + self._random.randrange(3600)
        midnight = datetime.combine(self._date(day), time(), self._zone)
        return midnight + timedelta(seconds=seconds)
