"""Figures for Prometheus: the requests of this process; queues, outbox and stock when it asks."""

from __future__ import annotations

import time
from collections.abc import Iterator

from flask import Flask, Response, current_app, g, request
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from redis.exceptions import RedisError
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from app.admin.health import count_workers
from app.catalogue.models import Product
from app.db import db
from app.jobs.queues import QUEUES
from app.orders.models import Order
from app.outbox.models import OutboxMessage
from app.runtime import redis

BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class ShopState(Collector):
    """What the database and Redis say when Prometheus asks."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield GaugeMetricFamily(
            "mcpshop_workers", "Background workers with a living heartbeat", count_workers()
        )
        yield from self._queues()
        yield from self._database()

    def _queues(self) -> Iterator[GaugeMetricFamily]:
        depth = GaugeMetricFamily("mcpshop_queue_jobs", "Jobs that wait, by queue", labels=["queue"])
        try:
            for queue in QUEUES:
                depth.add_metric([queue], redis().llen(f"rq:queue:{queue}"))
        except RedisError:
            return
        yield depth

    def _database(self) -> Iterator[GaugeMetricFamily]:
        waiting = select(func.count()).select_from(OutboxMessage).where(OutboxMessage.processed_at.is_(None))
        unpaid = select(func.count()).select_from(Order).where(Order.status == "PENDING")
        sold_out = (
            select(func.count()).select_from(Product).where(Product.is_retired.is_(False), Product.stock == 0)
        )
        counts = select(waiting.scalar_subquery(), unpaid.scalar_subquery(), sold_out.scalar_subquery())
        try:
            row = db.session.execute(counts).one()
        except SQLAlchemyError:
            return
        yield GaugeMetricFamily("mcpshop_outbox_waiting", "Outbox messages not yet delivered", row[0])
        yield GaugeMetricFamily("mcpshop_orders_unpaid", "Orders that wait for payment", row[1])
        yield GaugeMetricFamily("mcpshop_products_sold_out", "Products in the shop without stock", row[2])


def init_metrics(app: Flask) -> None:
    """Give the application a registry of its own and time its requests."""
    registry = CollectorRegistry()
    registry.register(ShopState())
    requests = Histogram(
        "mcpshop_request_seconds",
        "Time until the answer begins, by route",
        ["route", "method", "status"],
        buckets=BUCKETS,
        registry=registry,
    )
    app.extensions["mcpshop_metrics"] = registry

    @app.after_request
    def observe(response: Response) -> Response:
        # By rule, not by path: a scanner's made-up addresses must not become series.
        route = request.url_rule.rule if request.url_rule else "none"
        if request.endpoint != "static" and "started" in g:
            labels = (route, request.method, f"{response.status_code // 100}xx")
            requests.labels(*labels).observe(time.perf_counter() - g.started)
        return response


def render_metrics() -> bytes:
    """Prometheus' text format."""
    return generate_latest(current_app.extensions["mcpshop_metrics"])
