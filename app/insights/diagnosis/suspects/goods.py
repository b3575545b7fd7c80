"""Products: those that stopped selling (out of stock or not), and those whose price changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from app.insights.compiling.literals import quoted
from app.insights.diagnosis.model import Cause, Column, Figure, Value
from app.insights.diagnosis.statistics import critical, poisson_silence, z_of_counts
from app.insights.diagnosis.subject import Subject
from app.insights.diagnosis.suspects.finding import Finding
from app.language.periods import Span

# A price that moved by less is rounding.
LEAST_PRICE_CHANGE = 0.01
MOST_ROWS = 30


@dataclass(frozen=True, slots=True)
class Goods:
    """One product: order lines, pieces and money in both periods, the last day it sold, its stock now."""

    sku: str
    label: str
    lines_now: float
    lines_then: float
    units_now: float
    units_then: float
    sales_now: float
    sales_then: float
    last_on: date
    stock: int

    @property
    def price_now(self) -> float | None:
        return self.sales_now / self.units_now if self.units_now else None

    @property
    def price_then(self) -> float | None:
        return self.sales_then / self.units_then if self.units_then else None


def check_goods(subject: Subject) -> list[Finding]:
    """Stock-outs and prices, from one query."""
    goods, sql = _count(subject)
    return [_stock(subject, goods, sql), _prices(subject, goods, sql)]


def _count(subject: Subject) -> tuple[list[Goods], str]:
    span, base = subject.span, subject.base
    select = subject.gatherer.select("items", Span(min(span.start, base.start), max(span.end, base.end)))
    tables = select.tables.replace("\nWHERE ", "\nJOIN products p ON p.sku = i.sku\nWHERE ", 1)
    columns = []
    for name, part in (("now", span), ("before", base)):
        within = f"o.paid_on BETWEEN {quoted(part.start)} AND {quoted(part.end)}"
        columns += [
            f"SUM(CASE WHEN {within} THEN {what} ELSE 0 END) AS {kind}_{name}"
            for kind, what in (("line_count", "1"), ("units", "i.qty"), ("sales", "i.qty * i.price"))
        ]
    head = f"WITH {select.ctes}\n" if select.ctes else ""
    fetched = subject.gatherer.fetch(
        f"{head}SELECT i.sku AS sku, p.stock AS stock, MAX(o.paid_on) AS last_on, {', '.join(columns)}\n{tables}\nGROUP BY i.sku, p.stock"
    )
    locale, names = subject.context.locale, subject.context.names
    titles = {
        product.sku: product.name_en if locale == "en" and product.name_en else product.name
        for product in names.products
    }
    found = []
    for (
        sku,
        stock,
        last_on,
        lines_now,
        units_now,
        sales_now,
        lines_then,
        units_then,
        sales_then,
    ) in fetched.rows:
        found.append(
            Goods(
                sku=str(sku),
                label=titles.get(str(sku), str(sku)),
                lines_now=float(lines_now or 0),
                lines_then=float(lines_then or 0),
                units_now=float(units_now or 0),
                units_then=float(units_then or 0),
                sales_now=float(sales_now or 0),
                sales_then=float(sales_then or 0),
                last_on=date.fromisoformat(str(last_on)[:10]),
                stock=int(stock or 0),
            )
        )
    return found, fetched.sql


def _stock(subject: Subject, goods: list[Goods], sql: str) -> Finding:
    """Products that sold steadily and then not at all; what they would have sold in the silent days is what was missed."""
    english = subject.context.locale == "en"
    last = (
        subject.span.end - timedelta(days=1)
        if subject.span.end == subject.context.today
        else subject.span.end
    )
    rows, scores = [], []
    for each in goods:
        silent = min((last - each.last_on).days, subject.span.days)
        sold_days = (each.last_on - subject.base.start).days + 1
        if silent < 1 or sold_days < 1 or each.last_on < subject.base.start:
            continue
        pace = (each.lines_now + each.lines_then) / sold_days
        units = (each.units_now + each.units_then) / sold_days * silent
        price = (
            (each.sales_now + each.sales_then) / (each.units_now + each.units_then)
            if each.units_now + each.units_then
            else 0.0
        )
        is_out = each.stock <= 0 and subject.is_recent
        row: tuple[Value, ...] = (
            each.label,
            each.sku,
            ("缺货", "Out of stock")[english] if is_out else ("停售", "Stopped selling")[english],
            each.stock if subject.is_recent else None,
            each.last_on.isoformat(),
            silent,
            round(each.units_then),
            round(each.units_now),
            round(units, 1),
            round(units * price, 2),
        )
        rows.append(row)
        scores.append((poisson_silence(pace * silent), is_out))
    limit = critical(max(1, len(goods)))
    order = sorted(range(len(rows)), key=lambda place: -scores[place][0])[:MOST_ROWS]
    causes = tuple(
        Cause(
            "stock_out" if scores[place][1] else "sales_stopped",
            str(rows[place][0]),
            "down",
            "stock",
            row,
            -scores[place][0],
        )
        for row, place in enumerate(order)
        if scores[place][0] >= limit
    )
    return Finding("stock", _stock_figure(english, [rows[place] for place in order], sql), causes)


def _stock_figure(english: bool, rows: list[tuple[Value, ...]], sql: str) -> Figure:
    def said(zh: str, en: str) -> str:
        return en if english else zh

    columns = (
        Column("label", said("商品", "Product"), "text", "label"),
        Column("sku", "SKU", "text"),
        Column("state", said("状态", "State"), "text"),
        Column("stock", said("当前库存", "Stock now"), "count", "now"),
        Column("last_on", said("最后售出日", "Last sold on"), "date"),
        Column("silent", said("未售出天数", "Days without a sale"), "count"),
        Column("units_then", said("对比期销量", "Units before"), "count", "then"),
        Column("units_now", said("本期销量", "Units now"), "count", "now"),
        Column("missed", said("估计少卖件数", "Units missed (estimate)"), "number", "other"),
        Column("lost", said("估计少卖金额", "Sales missed (estimate)"), "yuan", "other"),
    )
    return Figure(
        "stock", said("停止售出的商品", "Products that stopped selling"), columns, tuple(rows), (sql,)
    )


def _prices(subject: Subject, goods: list[Goods], sql: str) -> Finding:
    """Prices that moved. The effect of a price is its change times the pieces sold now (Laspeyres volume, Paasche price)."""
    english = subject.context.locale == "en"
    moved = []
    for each in goods:
        now, then = each.price_now, each.price_then
        if now is not None and then and abs(now / then - 1) >= LEAST_PRICE_CHANGE:
            score = z_of_counts(each.lines_now, each.lines_then, 1.0, 1.0)
            moved.append((abs((now - then) * each.units_now), each, now, then, score))
    moved.sort(key=lambda item: (-item[0], item[1].sku))
    rows: list[tuple[Value, ...]] = []
    causes = []
    limit = critical(max(1, len(moved)))
    for row, (_, each, now, then, score) in enumerate(moved[:MOST_ROWS]):
        rows.append(
            (
                each.label,
                each.sku,
                then,
                now,
                now / then - 1,
                round(each.units_then),
                round(each.units_now),
                each.units_now / each.units_then - 1 if each.units_then else None,
                round((now - then) * each.units_now, 2),
            )
        )
        if abs(score) >= limit:
            causes.append(Cause("price", each.label, "up" if now > then else "down", "prices", row, score))
    return Finding("prices", _price_figure(english, rows, sql), tuple(causes))


def _price_figure(english: bool, rows: list[tuple[Value, ...]], sql: str) -> Figure:
    def said(zh: str, en: str) -> str:
        return en if english else zh

    columns = (
        Column("label", said("商品", "Product"), "text", "label"),
        Column("sku", "SKU", "text"),
        Column("price_then", said("对比期价格", "Price before"), "yuan", "then"),
        Column("price_now", said("本期价格", "Price now"), "yuan", "now"),
        Column("price_change", said("价格变化率", "Change in price"), "ratio", "change"),
        Column("units_then", said("对比期销量", "Units before"), "count", "then"),
        Column("units_now", said("本期销量", "Units now"), "count", "now"),
        Column("units_change", said("销量变化率", "Change in units"), "ratio", "change"),
        Column("effect", said("价格对销售额的影响", "Effect of the price on sales"), "yuan", "other"),
    )
    return Figure("prices", said("调价的商品", "Products whose price changed"), columns, tuple(rows), (sql,))
