"""JSON API of publishing (api.md, "Store operations")."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import Blueprint
from pydantic import ValidationError

from app.campaigns import service
from app.campaigns.plans import Plan, complete
from app.campaigns.queries import Receipt, get_receipt
from app.campaigns.schemas import ExecuteBody, ExecuteOut, execution_of
from app.campaigns.states import publish_status
from app.core.errors import InvalidParam
from app.db import db, in_transaction
from app.runtime import settings
from app.web.api import endpoint
from app.web.auth import OPERATOR, current_actor
from app.web.field_messages import field_messages

bp = Blueprint("execute_api", __name__)
LOOK_SECONDS = 0.1
KEY = "<string(maxlength=64):idempotency_key>"


@endpoint(
    bp,
    "/api/execute",
    method="POST",
    who=OPERATOR,
    summary="Publish a plan as a coupon and issue it to the segment; the same plan again gets the first receipt.",
    body=ExecuteBody,
    answers={200: ExecuteOut, 202: ExecuteOut},
    errors=(400, 401, 403, 422),
)
def execute(body: ExecuteBody) -> tuple[ExecuteOut, int]:
    started = time.perf_counter()
    plan, fixed = read_plan(body.plan)
    submitted = in_transaction(partial(service.submit, current_actor(), plan))
    receipt = _wait(submitted.idempotency_key)
    milliseconds = round((time.perf_counter() - started) * 1_000)
    debug = {
        "plan_fixed": fixed,
        "is_repeated": not submitted.is_new,
        "timings_ms": {"execute": milliseconds},
    }
    return _answer(receipt, debug)


@endpoint(
    bp,
    f"/api/execute/{KEY}",
    who=OPERATOR,
    summary="The receipt of a plan by its idempotency key.",
    answers={200: ExecuteOut, 202: ExecuteOut},
    errors=(401, 403, 404),
)
def show_execution(idempotency_key: str) -> tuple[ExecuteOut, int]:
    return _answer(get_receipt(idempotency_key.lower()), {})


@endpoint(
    bp,
    f"/api/execute/{KEY}/retry",
    method="POST",
    who=OPERATOR,
    summary="Run a failed publishing again: it goes on at the step that failed.",
    answers={200: ExecuteOut, 202: ExecuteOut},
    errors=(401, 403, 404, 409),
)
def retry_execution(idempotency_key: str) -> tuple[ExecuteOut, int]:
    key = idempotency_key.lower()
    campaign_id = get_receipt(key).campaign.id
    in_transaction(partial(service.retry, current_actor(), campaign_id))
    return _answer(_wait(key), {})


def read_plan(raw: Mapping[str, Any]) -> tuple[Plan, list[str]]:
    """The checked plan and the names of its gaps. Raises InvalidParam with the fields' dotted names."""
    try:
        return complete(raw)
    except ValidationError as error:
        raise InvalidParam(
            fields={f"plan.{name}": text for name, text in field_messages(error).items()}
        ) from error


def _wait(key: str) -> Receipt:
    """The receipt once nothing is under way any more, or when the time is over. Holds no connection meanwhile."""
    deadline = time.monotonic() + settings().campaign_wait_seconds
    while True:
        receipt = get_receipt(key)
        if publish_status(receipt.campaign.status) != "pending" or time.monotonic() >= deadline:
            return receipt
        db.session.remove()
        time.sleep(LOOK_SECONDS)


def _answer(receipt: Receipt, debug: dict[str, Any]) -> tuple[ExecuteOut, int]:
    execution = execution_of(receipt)
    status = 202 if execution.publish_status == "pending" else 200
    return ExecuteOut(execution=execution, debug=debug), status
