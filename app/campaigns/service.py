"""Writes of campaigns that people ask for: submit a plan, run a failed one again, end one early."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

from sqlalchemy import CursorResult, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.audit import service as audit
from app.campaigns.estimates import budget_problem
from app.campaigns.models import Campaign
from app.campaigns.plans import Plan, key_of
from app.campaigns.purposes import offer_label
from app.campaigns.segments import resolved
from app.campaigns.states import UNDER_WAY, State
from app.core.actor import Actor, Role
from app.core.clock import now
from app.core.errors import N_, Conflict, InvalidParam, NotFound
from app.coupons.creation import CouponDraft, check_draft, end_coupon
from app.coupons.rules import DISCOUNT, ISSUED_ONLY
from app.db import Base, after_commit, db
from app.jobs.queues import enqueue

CAMPAIGNS = Base.metadata.tables[Campaign.__tablename__]
# How long the hand-over to a worker may take before the sweep hands it over again.
GRACE = timedelta(seconds=5)
JOB_SECONDS = 900
MAX_NAME = 120


@dataclass(frozen=True, slots=True)
class Submitted:
    """A campaign by its id, and whether this call made it."""

    campaign_id: int
    idempotency_key: str
    is_new: bool


def submit(actor: Actor, plan: Plan) -> Submitted:
    """Store the plan as a campaign and let a worker publish it; a plan that was submitted before is only found again.

    Raises Unauthorized, Forbidden, InvalidParam (with fields).
    """
    actor.require_role(Role.OPERATOR, Role.ADMIN)
    key = key_of(plan)
    found = _find_id(key)
    if found is not None:
        return Submitted(found, key, is_new=False)
    check(plan)
    campaign_id = _insert(actor, plan, key)
    if campaign_id is None:
        # Somebody else was faster by a moment: theirs is committed, for the insert waited for it.
        return Submitted(cast(int, _find_id(key)), key, is_new=False)
    audit.record(actor, "campaign.submitted", campaign_id, name=plan.goal, budget_cents=plan.budget_cents)
    after_commit(partial(hand_over, campaign_id))
    return Submitted(campaign_id, key, is_new=True)


def check(plan: Plan) -> None:
    """What the schema cannot see. Raises InvalidParam."""
    problem = budget_problem(plan)
    if problem:
        message = problem.text % problem.params
        raise InvalidParam(
            problem.text,
            fields={"budget": N_("The budget does not pay for the redemptions.")},
            **problem.params,
        ) from ValueError(message)
    resolved(plan.target_segment.rules)
    at = now()
    errors = check_draft(coupon_draft(plan, "0" * 64, at, at + timedelta(days=plan.duration_days)))
    if errors:
        raise InvalidParam(fields={f"offer.{name}": text for name, text in errors.items()})


def _find_id(key: str) -> int | None:
    return db.session.scalar(select(Campaign.id).where(Campaign.idempotency_key == key))


def _insert(actor: Actor, plan: Plan, key: str) -> int | None:
    at = now()
    values = {
        "idempotency_key": key,
        "name": f"{plan.goal} · {offer_label(plan, actor.locale)}"[:MAX_NAME],
        "goal": plan.goal,
        "budget_cents": plan.budget_cents,
        "duration_days": plan.duration_days,
        "plan_json": plan.as_json(),
        "status": State.PENDING.value,
        "attempts": 0,
        "lease": "",
        "lease_until": at + GRACE,
        "error": "",
        "start_at": at,
        "end_at": at + timedelta(days=plan.duration_days),
        "created_by": actor.user_id,
        "created_at": at,
        "updated_at": at,
    }
    try:
        added = db.session.execute(insert(CAMPAIGNS).values(**values))
    except IntegrityError:
        return None
    return cast(int, cast("CursorResult[Any]", added).inserted_primary_key[0])  # type: ignore[index]


def coupon_draft(plan: Plan, key: str, start_at: datetime, end_at: datetime) -> CouponDraft:
    """The shop's coupon of a plan: for those who are issued it, once each, never costing more than the budget."""
    offer = plan.offer
    return CouponDraft(
        code=f"CP{key[:12]}",
        name=offer_label(plan, "zh")[:80],
        name_en=offer_label(plan, "en")[:80],
        type=offer.type,
        benefit=offer.benefit,
        start_at=start_at,
        end_at=end_at,
        threshold_cents=offer.threshold_cents,
        max_discount_cents=plan.cap_cents if offer.type == DISCOUNT else None,
        max_redemptions=offer.max_redemptions,
        segment=[dict(rule) for rule in ISSUED_ONLY],
    )


def hand_over(campaign_id: int) -> None:
    """Give it to the workers; the sweep tries again when Redis is away."""
    # The job's module imports this one.
    from app.campaigns.jobs import publish_campaign

    enqueue(publish_campaign, campaign_id, timeout=JOB_SECONDS)


def retry(actor: Actor, campaign_id: int) -> None:
    """Run a failed campaign again; it goes on at the step that failed.

    Raises Unauthorized, Forbidden, NotFound, Conflict (NOT_FAILED, CAMPAIGN_OVER).
    """
    actor.require_role(Role.OPERATOR, Role.ADMIN)
    campaign = _get(campaign_id)
    at = now()
    if campaign.end_at <= at:
        raise Conflict(N_("The campaign's days are over. Make a new plan."), code="CAMPAIGN_OVER")
    again = {
        "status": State.PENDING.value,
        "attempts": 0,
        "error": "",
        "lease": "",
        "lease_until": at + GRACE,
    }
    if not _change(campaign_id, (State.FAILED,), again):
        raise Conflict(N_("Only a campaign that failed can be run again."), code="NOT_FAILED")
    audit.record(actor, "campaign.retried", campaign_id, name=campaign.goal)
    after_commit(partial(hand_over, campaign_id))


def end(actor: Actor, campaign_id: int) -> None:
    """End a published campaign now: nobody can use its coupon any more, save for orders that hold it.

    Raises Unauthorized, Forbidden, NotFound, Conflict (NOT_PUBLISHED).
    """
    actor.require_role(Role.OPERATOR, Role.ADMIN)
    campaign = _get(campaign_id)
    at = now()
    ended = {"status": State.ENDED.value, "end_at": min(at, campaign.end_at)}
    if not _change(campaign_id, (State.PUBLISHED,), ended):
        raise Conflict(N_("Only a published campaign can be ended."), code="NOT_PUBLISHED")
    if campaign.coupon_id is not None:
        end_coupon(actor, campaign.coupon_id)
    audit.record(actor, "campaign.ended", campaign_id, name=campaign.goal)


def _get(campaign_id: int) -> Campaign:
    campaign = db.session.get(Campaign, campaign_id)
    if campaign is None:
        raise NotFound(N_("There is no such campaign."))
    return campaign


def _change(campaign_id: int, states: tuple[State, ...], values: dict[str, Any]) -> bool:
    changed = db.session.execute(
        update(Campaign).where(Campaign.id == campaign_id, Campaign.status.in_(states)).values(**values)
    )
    return cast("CursorResult[Any]", changed).rowcount == 1


def take_back_abandoned() -> list[int]:
    """Campaigns under way that no worker holds any more, made pending again and due for a hand-over; their ids."""
    at = now()
    due = db.session.scalars(
        select(Campaign.id).where(Campaign.status.in_(UNDER_WAY), Campaign.lease_until <= at).limit(100)
    ).all()
    again = {"status": State.PENDING.value, "lease": "", "lease_until": at + GRACE}
    return [id_ for id_ in due if _take_back(id_, at, again)]


def _take_back(campaign_id: int, at: datetime, values: dict[str, Any]) -> bool:
    changed = db.session.execute(
        update(Campaign)
        .where(Campaign.id == campaign_id, Campaign.status.in_(UNDER_WAY), Campaign.lease_until <= at)
        .values(**values)
    )
    return cast("CursorResult[Any]", changed).rowcount == 1
