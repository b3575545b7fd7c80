"""Publishing a campaign, in a worker: create and publish the coupon, then issue it to the segment.

Each step is committed with its line of the log before the next begins, so that a worker that dies, a CRM that is away and a
second worker on the same campaign all end in one coupon: the CRM gets the same key again, and the shop's own writes are
made only while the lease is held.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from logging import getLogger
from typing import Any, cast

from sqlalchemy import CursorResult, func, select, update

from app.campaigns.audiences import fix_audience, next_batch
from app.campaigns.crm import Crm, CrmError, crm_of
from app.campaigns.models import ActionLog, Campaign, CampaignMember
from app.campaigns.plans import Plan
from app.campaigns.service import coupon_draft
from app.campaigns.states import CREATE, ISSUE, PUBLISH, State
from app.core.actor import SYSTEM
from app.core.clock import now
from app.core.errors import DomainError
from app.core.ids import new_id
from app.core.logging import fields
from app.coupons.creation import create_coupon, publish_coupon
from app.coupons.issuing import issue
from app.db import db, in_transaction
from app.runtime import settings

log = getLogger(__name__)
# Of a campaign whose worker dies each time; then a person has to look at it.
MAX_ATTEMPTS = 10
MAX_HISTORY = 20
MAX_ERROR = 500


class LeaseLost(Exception):
    """Another worker has the campaign now; what this one would do is no longer its business."""


@dataclass(frozen=True, slots=True)
class Work:
    """A campaign while a worker holds it. Only plain values: transactions end between the steps."""

    campaign_id: int
    lease: str
    key: str
    plan: Plan

    def step_key(self, step: str) -> str:
        """The idempotency key of one step."""
        return f"{self.key}:{step}"


def publish(campaign_id: int) -> bool:
    """Do what is still to be done for a campaign; False when another worker is at it or nothing is left to do."""
    work = in_transaction(partial(_claim, campaign_id))
    if work is None:
        return False
    try:
        is_done = _run(work, crm_of(settings()))
    except LeaseLost:
        log.warning("campaign_lease_lost %s", fields(campaign=campaign_id))
        return False
    log.info("campaign_run %s", fields(campaign=campaign_id, published=is_done))
    return is_done


def _run(work: Work, crm: Crm) -> bool:
    """One step after the other; False when one failed."""
    for step, act in ((CREATE, _create), (PUBLISH, _publish), (ISSUE, _issue)):
        try:
            act(work, crm)
        except (CrmError, DomainError) as error:
            in_transaction(partial(_fail, work, step, str(error)))
            return False
    in_transaction(partial(_finish, work))
    return True


def _claim(campaign_id: int) -> Work | None:
    lease = new_id()
    taken = _update(
        (Campaign.id == campaign_id) & (Campaign.status == State.PENDING.value),
        status=State.RUNNING.value,
        lease=lease,
        lease_until=_lease_end(),
        attempts=Campaign.attempts + 1,
    )
    if not taken:
        return None
    campaign = db.session.get_one(Campaign, campaign_id, populate_existing=True)
    work = Work(campaign_id, lease, campaign.idempotency_key, Plan.model_validate(campaign.plan_json))
    if campaign.attempts > MAX_ATTEMPTS:
        _fail(work, CREATE if campaign.crm_coupon_id is None else PUBLISH, "too many attempts")
        return None
    return work


def _lease_end() -> Any:
    return now() + timedelta(seconds=settings().campaign_lease_seconds)


def _update(condition: Any, **values: Any) -> bool:
    changed = db.session.execute(
        update(Campaign).where(condition).values(**values).execution_options(synchronize_session=False)
    )
    return cast("CursorResult[Any]", changed).rowcount == 1


def _hold(work: Work, **values: Any) -> None:
    """Prolong the lease within the open transaction, which from here on is alone with the campaign. Raises LeaseLost."""
    held = (
        (Campaign.id == work.campaign_id)
        & (Campaign.lease == work.lease)
        & (Campaign.status == State.RUNNING.value)
    )
    if not _update(held, lease_until=_lease_end(), **values):
        raise LeaseLost()


def _prolong(work: Work) -> None:
    in_transaction(partial(_hold, work))


def _reread(work: Work) -> Campaign:
    campaign = db.session.get_one(Campaign, work.campaign_id, populate_existing=True)
    db.session.expunge(campaign)
    db.session.rollback()
    return campaign


def _create(work: Work, crm: Crm) -> None:
    campaign = _reread(work)
    if campaign.coupon_id is not None:
        return
    body = _request(work, CREATE, campaign)
    crm_id = crm.create_coupon(work.step_key(CREATE), body, partial(_prolong, work))

    def keep() -> None:
        _hold(work)
        draft = coupon_draft(work.plan, work.key, campaign.start_at, campaign.end_at)
        coupon = create_coupon(SYSTEM, draft)
        _hold(work, crm_coupon_id=crm_id, coupon_id=coupon.id)
        write_log(work, CREATE, body, {"coupon_id": crm_id, "shop_coupon_id": coupon.id})

    in_transaction(keep)


def _request(work: Work, step: str, campaign: Campaign) -> dict[str, Any]:
    """What a step asks for: the same for every attempt, since it follows from what is stored."""
    if step == PUBLISH:
        return {"coupon_id": campaign.crm_coupon_id}
    if step == ISSUE:
        return {"rules": [rule.model_dump() for rule in work.plan.target_segment.rules]}
    offer = work.plan.offer
    return {
        "name": campaign.name,
        "type": offer.type,
        "threshold": offer.threshold,
        "value": offer.value,
        "max_redemptions": offer.max_redemptions,
        "start_at": campaign.start_at.isoformat(),
        "end_at": campaign.end_at.isoformat(),
    }


def _publish(work: Work, crm: Crm) -> None:
    campaign = _reread(work)
    if _is_logged(work, PUBLISH):
        return
    crm_id, coupon_id = campaign.crm_coupon_id or "", campaign.coupon_id or 0
    crm.publish_coupon(work.step_key(PUBLISH), crm_id, partial(_prolong, work))

    def keep() -> None:
        _hold(work)
        publish_coupon(SYSTEM, coupon_id)
        write_log(work, PUBLISH, _request(work, PUBLISH, campaign), {"status": "published"})

    in_transaction(keep)


def _is_logged(work: Work, step: str) -> bool:
    done = db.session.scalar(
        select(ActionLog.id).where(
            ActionLog.idempotency_key == work.step_key(step), ActionLog.status == "success"
        )
    )
    db.session.rollback()
    return done is not None


def _issue(work: Work, _crm: Crm) -> None:
    """Fix who is meant, once; then a batch at a time."""
    campaign = _reread(work)
    if campaign.segment_size is None:
        _prolong(work)
        fixed = fix_audience(work.campaign_id, work.plan, partial(_hold, work))
        _prolong(work)
        log.info("campaign_audience_fixed %s", fields(campaign=work.campaign_id, members=fixed))
    while in_transaction(partial(_issue_batch, work, campaign.coupon_id or 0)):
        pass


def _issue_batch(work: Work, coupon_id: int) -> bool:
    _hold(work)
    batch = next_batch(work.campaign_id)
    if not batch:
        return False
    issue(coupon_id, list(batch.values()))
    db.session.execute(
        update(CampaignMember)
        .where(CampaignMember.campaign_id == work.campaign_id, CampaignMember.member_id.in_(batch))
        .values(issued_at=now())
        .execution_options(synchronize_session=False)
    )
    return True


def _finish(work: Work) -> None:
    _hold(work, status=State.PUBLISHED.value, error="")
    campaign = db.session.get_one(Campaign, work.campaign_id, populate_existing=True)
    issued = _count_issued(work.campaign_id)
    answer = {"members": campaign.segment_size, "issued": issued}
    write_log(work, ISSUE, _request(work, ISSUE, campaign), answer)


def _count_issued(campaign_id: int) -> int:
    return (
        db.session.scalar(
            select(func.count()).where(
                CampaignMember.campaign_id == campaign_id, CampaignMember.issued_at.is_not(None)
            )
        )
        or 0
    )


def _fail(work: Work, step: str, error: str) -> None:
    """A person has to run it again. Nothing happens when the lease is lost meanwhile."""
    try:
        _hold(work, status=State.FAILED.value, error=error[:MAX_ERROR])
    except LeaseLost:
        return
    log.warning("campaign_failed %s", fields(campaign=work.campaign_id, step=step, error=error))
    campaign = db.session.get_one(Campaign, work.campaign_id, populate_existing=True)
    write_log(work, step, _request(work, step, campaign), None, error)


def write_log(
    work: Work, step: str, request: Mapping[str, Any], response: Mapping[str, Any] | None, error: str = ""
) -> None:
    """The step's row of the log; what it said before goes into its history."""
    key, at = work.step_key(step), now()
    row = db.session.scalars(select(ActionLog).where(ActionLog.idempotency_key == key)).one_or_none()
    values = {
        "request_json": dict(request),
        "response_json": dict(response) if response is not None else None,
        "status": "failed" if response is None else "success",
        "error_message": error[:MAX_ERROR],
    }
    if row is None:
        row = ActionLog(
            campaign_id=work.campaign_id, idempotency_key=key, action_type=step, history=[], **values
        )
        db.session.add(row)
    else:
        before = {"at": row.updated_at.isoformat(), "status": row.status, "error": row.error_message}
        row.history = [*row.history, before][-MAX_HISTORY:]
        for name, value in values.items():
            setattr(row, name, value)
        row.updated_at = at
    db.session.flush()
