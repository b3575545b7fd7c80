"""Campaigns, the log of what was done for them, who got their coupon, and the mock CRM's own coupons."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, Computed, ForeignKey, Index, Numeric, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.db import Cents, Model, UtcDateTime


class Campaign(Model):
    """A plan that was submitted, once: `idempotency_key` is the plan's (app.campaigns.plans.key_of).

    `status` goes pending -> running -> published | failed, failed -> pending when it is run again, published -> ended.
    A worker that runs it holds `lease` until `lease_until`; a pending one is handed over again after `lease_until`.
    `coupon_id` is the shop's coupon, `crm_coupon_id` what the CRM calls its own.
    """

    __tablename__ = "campaigns"
    __table_args__ = (Index("ix_campaigns_status_lease_until", "status", "lease_until"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    goal: Mapped[str] = mapped_column(String(200))
    budget_cents: Mapped[Cents]
    budget: Mapped[Decimal] = mapped_column(Numeric(14, 2), Computed("budget_cents / 100.0", persisted=False))
    duration_days: Mapped[int]
    plan_json: Mapped[dict[str, Any]] = mapped_column(JSON)
    status: Mapped[str] = mapped_column(String(12), default="pending")
    attempts: Mapped[int] = mapped_column(default=0)
    lease: Mapped[str] = mapped_column(String(32), default="")
    lease_until: Mapped[datetime] = mapped_column(UtcDateTime)
    error: Mapped[str] = mapped_column(String(500), default="")
    crm_coupon_id: Mapped[str | None] = mapped_column(String(64))
    coupon_id: Mapped[int | None] = mapped_column(ForeignKey("coupons.id"))
    # NULL until the audience was fixed; then how many members the segment had.
    segment_size: Mapped[int | None]
    start_at: Mapped[datetime] = mapped_column(UtcDateTime)
    end_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)


class ActionLog(Model):
    """One step of a campaign. Its key is the campaign's and the step's, so each step has one row.

    `status` is success or failed, as the last attempt ended; `history` tells of those before, oldest first.
    """

    __tablename__ = "action_logs"

    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"), index=True)
    idempotency_key: Mapped[str] = mapped_column(String(100), unique=True)
    action_type: Mapped[str] = mapped_column(String(20))
    request_json: Mapped[dict[str, Any]] = mapped_column(JSON)
    response_json: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    status: Mapped[str] = mapped_column(String(10))
    error_message: Mapped[str] = mapped_column(String(500), default="")
    history: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)


class CampaignMember(Model):
    """A member who is to get, or (`issued_at`) has got, the campaign's coupon.

    `store_id`, `level` and `recency` (app.campaigns.recency) are as they were when the audience was fixed: the group to
    compare with is made by them.
    """

    __tablename__ = "campaign_members"
    __table_args__ = (
        Index("ix_campaign_members_campaign_id_issued_at", "campaign_id", "issued_at"),
        Index("ix_campaign_members_member_id_issued_at", "member_id", "issued_at"),
    )

    campaign_id: Mapped[int] = mapped_column(
        ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    member_id: Mapped[int] = mapped_column(
        ForeignKey("members.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    store_id: Mapped[int]
    level: Mapped[int]
    recency: Mapped[int]
    issued_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class MockCrmCoupon(Model):
    """A coupon as the mock CRM keeps it. The CRM is another system: nothing of the shop refers to this table."""

    __tablename__ = "mock_crm_coupons"

    id: Mapped[int] = mapped_column(primary_key=True)
    coupon_id: Mapped[str] = mapped_column(String(40), unique=True)
    idempotency_key: Mapped[str] = mapped_column(String(64), unique=True)
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    status: Mapped[str] = mapped_column(String(12), default="draft")
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
