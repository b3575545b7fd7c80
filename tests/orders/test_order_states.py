import pytest

from app.core.errors import Conflict
from app.orders.states import Action, Status, after, can

ALLOWED = {
    (Action.PAY, Status.PENDING): Status.PAID,
    (Action.CANCEL, Status.PENDING): Status.CANCELLED,
    (Action.CANCEL, Status.PAID): Status.CANCELLED,
    (Action.EXPIRE, Status.PENDING): Status.CANCELLED,
    (Action.SHIP, Status.PAID): Status.SHIPPED,
    (Action.COMPLETE, Status.SHIPPED): Status.COMPLETED,
    (Action.REFUND, Status.PAID): Status.REFUNDED,
    (Action.REFUND, Status.SHIPPED): Status.REFUNDED,
    (Action.REFUND, Status.COMPLETED): Status.REFUNDED,
}


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("status", Status)
def test_every_action_leads_where_it_should_or_is_refused(action: Action, status: Status) -> None:
    target = ALLOWED.get((action, status))
    assert can(action, status) is (target is not None)
    if target is not None:
        assert after(action, status) == target
        return
    with pytest.raises(Conflict) as caught:
        after(action, status)
    assert caught.value.code == f"CANNOT_{action}"
