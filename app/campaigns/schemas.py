"""The receipt of a publishing as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from app.campaigns.queries import Receipt
from app.campaigns.states import publish_status


class ExecuteBody(BaseModel):
    """A plan (`app.campaigns.plans.Plan`); unknown keys are refused, gaps are completed with defaults."""

    model_config = ConfigDict(extra="forbid")

    plan: dict[str, Any]


class StepOut(BaseModel):
    action_type: Literal["create_coupon", "publish_coupon", "issue_coupon"]
    status: Literal["waiting", "success", "failed"]
    error: str | None
    at: datetime | None


class ExecutionOut(BaseModel):
    """`coupon_id` is the shop's coupon, `crm_coupon_id` the CRM's own id of it."""

    idempotency_key: str
    coupon_id: int | None
    publish_status: Literal["pending", "published", "failed", "ended"]
    error: str | None
    campaign_id: int
    crm_coupon_id: str | None
    segment_size: int | None
    issued: int
    steps: list[StepOut]


class ExecuteOut(BaseModel):
    intent: Literal["execute"] = "execute"
    execution: ExecutionOut
    debug: dict[str, Any]


def execution_of(receipt: Receipt) -> ExecutionOut:
    """The receipt."""
    campaign = receipt.campaign
    return ExecutionOut.model_validate(
        {
            "idempotency_key": campaign.idempotency_key,
            "coupon_id": campaign.coupon_id,
            "publish_status": publish_status(campaign.status),
            "error": campaign.error or None,
            "campaign_id": campaign.id,
            "crm_coupon_id": campaign.crm_coupon_id,
            "segment_size": campaign.segment_size,
            "issued": receipt.issued,
            "steps": [
                {
                    "action_type": step,
                    "status": row.status if row else "waiting",
                    "error": (row.error_message or None) if row else None,
                    "at": row.updated_at if row else None,
                }
                for step, row in receipt.steps
            ],
        }
    )
