"""RQ and scheduler entry points of campaigns; they run inside an application context."""

from __future__ import annotations

from app.campaigns import publishing, service
from app.db import in_transaction


def publish_campaign(campaign_id: int) -> None:
    """Publish one campaign (enqueued after the commit that stored it, or by the sweep)."""
    publishing.publish(campaign_id)


def sweep() -> None:
    """Hand over again what fell through: a lost enqueue, a worker that died."""
    for campaign_id in in_transaction(service.take_back_abandoned):
        service.hand_over(campaign_id)
