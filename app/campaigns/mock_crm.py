"""A CRM to try with: it creates and publishes coupons, each once by its idempotency key."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Annotated, Any

from flask import Blueprint, request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from app.campaigns.crm import mock_token
from app.campaigns.models import MockCrmCoupon
from app.core.clock import now
from app.core.errors import N_, IdempotencyConflict, InvalidParam, NotFound, Unauthorized
from app.core.ids import digest, new_id
from app.db import Base, db, in_transaction
from app.runtime import settings
from app.web.api import endpoint
from app.web.auth import PUBLIC

bp = Blueprint("mock_crm_api", __name__)
COUPONS = Base.metadata.tables[MockCrmCoupon.__tablename__]
MAX_KEY = 128
Short = Annotated[str, StringConstraints(max_length=120)]


class CouponBody(BaseModel):
    """A coupon; amounts are yuan. Other keys are refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: Annotated[str, StringConstraints(min_length=1, max_length=120)]
    type: Annotated[str, StringConstraints(pattern="^(full_reduction|discount|points)$")]
    threshold: float = Field(default=0, ge=0, le=1_000_000, allow_inf_nan=False)
    value: float = Field(gt=0, le=1_000_000, allow_inf_nan=False)
    max_redemptions: int | None = Field(default=None, ge=1, le=1_000_000)
    start_at: Short | None = None
    end_at: Short | None = None
    idempotency_key: Short | None = None


class CreatedOut(BaseModel):
    coupon_id: str


class PublishedOut(BaseModel):
    status: str
    coupon_id: str


@endpoint(
    bp,
    "/mock/crm/coupons",
    method="POST",
    who=PUBLIC,
    summary="Mock CRM: create a coupon, once by its Idempotency-Key (service token).",
    body=CouponBody,
    answers={201: CreatedOut},
    errors=(401, 409, 422),
)
def create_mock_coupon(body: CouponBody) -> CreatedOut:
    _require_service()
    told = body.model_dump(exclude={"idempotency_key"})
    key = _key(body, told)
    return CreatedOut(coupon_id=in_transaction(lambda: _create(key, told)))


@endpoint(
    bp,
    "/mock/crm/coupons/<string(maxlength=40):coupon_id>/publish",
    method="POST",
    who=PUBLIC,
    summary="Mock CRM: publish a coupon; again changes nothing (service token).",
    answers={200: PublishedOut},
    errors=(401, 404),
)
def publish_mock_coupon(coupon_id: str) -> PublishedOut:
    _require_service()
    in_transaction(lambda: _publish(coupon_id))
    return PublishedOut(status="published", coupon_id=coupon_id)


def _require_service() -> None:
    """Raises Unauthorized without the service token."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ").encode()
    if not hmac.compare_digest(given, mock_token(settings()).encode()):
        raise Unauthorized(N_("The service token is missing or wrong."))


def _key(body: CouponBody, told: dict[str, Any]) -> str:
    """The request's key; without one the coupon itself stands for it."""
    given = request.headers.get("Idempotency-Key", "") or body.idempotency_key or ""
    if len(given) > MAX_KEY:
        raise InvalidParam(fields={"Idempotency-Key": N_("Use 1 to 128 letters, digits or signs.")})
    # A digest, because MariaDB takes "a" and "A" for the same text and keys are exact.
    text = f"key {given}" if given else f"body {json.dumps(told, sort_keys=True)}"
    return digest(text)


def _create(key: str, body: dict[str, Any]) -> str:
    found = _find(key)
    if found is None:
        values = {"coupon_id": f"CRM-{new_id()[:16].upper()}", "idempotency_key": key, "body": body}
        try:
            db.session.execute(insert(COUPONS).values(**values, status="draft", created_at=now()))
            return str(values["coupon_id"])
        except IntegrityError:
            found = _find(key)
    if found is None or _hash(found.body) != _hash(body):
        raise IdempotencyConflict()
    return found.coupon_id


def _find(key: str) -> MockCrmCoupon | None:
    return db.session.scalars(select(MockCrmCoupon).where(MockCrmCoupon.idempotency_key == key)).one_or_none()


def _hash(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _publish(coupon_id: str) -> None:
    if db.session.scalar(select(MockCrmCoupon.id).where(MockCrmCoupon.coupon_id == coupon_id)) is None:
        raise NotFound(N_("There is no such coupon."))
    db.session.execute(
        update(MockCrmCoupon)
        .where(MockCrmCoupon.coupon_id == coupon_id, MockCrmCoupon.status == "draft")
        .values(status="published", published_at=now())
    )
