"""Health, metrics, the dashboard, and the description of the API itself."""

from __future__ import annotations

import ipaddress
from secrets import compare_digest
from typing import Any, cast

from flask import Blueprint, Flask, Response, make_response, request
from pydantic import BaseModel

from app import __version__
from app.admin.dashboard import DEFAULT_PERIOD, PERIODS, read_dashboard
from app.admin.dashboard_schemas import DashboardOut, dashboard_of
from app.admin.health import check_health
from app.admin.metrics import init_metrics, render_metrics
from app.core.errors import Forbidden
from app.onboarding.queries import list_runs
from app.onboarding.workflow import Status
from app.runtime import settings
from app.web.api import endpoint
from app.web.api_reference import describe_for_reading
from app.web.auth import ADMIN, PUBLIC, access
from app.web.htmx import page
from app.web.openapi import build_document

bp = Blueprint("admin_api", __name__)
LATEST_FAILURES = 10
bp.record_once(lambda state: init_metrics(cast(Flask, state.app)))


class HealthOut(BaseModel):
    """`checks`: database, redis, worker are ok or down; llm is builtin or configured.

    With a model for finding by meaning there is semantic: ok, starting, indexing or down; then words alone find.
    """

    status: str
    version: str
    checks: dict[str, str]


class Alive(BaseModel):
    """The process answers."""

    ok: bool = True


@endpoint(
    bp,
    "/health",
    who=PUBLIC,
    summary="The state of every part; 503 when the database is down.",
    answers={200: HealthOut, 503: HealthOut},
)
def health() -> tuple[HealthOut, int, dict[str, str]]:
    """For people and load balancers."""
    state = check_health()
    body = HealthOut(status=state.status, version=__version__, checks=state.checks)
    return body, 200 if state.can_serve else 503, {"Cache-Control": "no-store"}


@endpoint(bp, "/api/health", who=PUBLIC, summary="The process answers.", answers={200: Alive})
def alive() -> Alive:
    """Nothing is asked of the database."""
    return Alive()


@endpoint(
    bp,
    "/metrics",
    who=PUBLIC,
    summary="Figures for Prometheus; from this machine, or with METRICS_TOKEN as bearer token.",
    answers={200: "text/plain"},
    errors=(403,),
)
def metrics() -> Response:
    """Prometheus' text format."""
    if not _may_read_metrics():
        raise Forbidden()
    response = make_response(render_metrics())
    response.headers["Content-Type"] = "text/plain; version=0.0.4; charset=utf-8"
    return response


def _may_read_metrics() -> bool:
    token = settings().metrics_token
    if token:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return compare_digest(given.encode(), token.encode())
    # A request that a proxy passed on comes from elsewhere, whatever its last hop.
    was_forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    return not was_forwarded and _is_loopback(request.remote_addr or "")


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        # A unix socket has no address; only this machine reaches it.
        return address == ""


@endpoint(
    bp, "/api/v1/admin/registration-automation/dashboard", who=ADMIN, answers={200: DashboardOut}, errors=(401, 403),
    summary="Welcomes, agents, calls of tools, errors by kind, processes; `days` is 1, 7, 30 or 90",
)  # fmt: skip
def show_dashboard() -> DashboardOut:
    """The figures of the page at /admin/dashboard."""
    days = request.args.get("days", DEFAULT_PERIOD, type=int)
    shown = read_dashboard(days if days in PERIODS else DEFAULT_PERIOD)
    return dashboard_of(shown, list_runs(status=Status.FAILED.value, limit=LATEST_FAILURES))


@endpoint(bp, "/api/openapi.json", who=PUBLIC, summary="This document.", answers={200: "application/json"})
def openapi() -> dict[str, Any]:
    """OpenAPI 3.1."""
    return build_document(version=__version__)


@bp.get("/api/docs")
@access(PUBLIC)
def docs() -> Response:
    """The same, for reading."""
    return page("admin/api_docs.html", reference=describe_for_reading())
