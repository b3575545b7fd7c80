"""Who waits for a consultant, and who takes them: opening, claiming, taking over, handing back.

In every transaction consultations are changed before conversations, and these before runs: one order for all locks.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from logging import getLogger
from typing import Any, cast

from sqlalchemy import CursorResult, or_, select, update
from sqlalchemy.exc import IntegrityError

from app.accounts.models import User
from app.accounts.queries import names_of_users
from app.consultants import attending, channels
from app.consultants.assigning import offer_next_to, offer_to_somebody
from app.consultants.lines import line_in
from app.consultants.models import Consultation
from app.consultants.states import MAX_ASKED, MAX_NOTE, Ending, Line, Source, State
from app.conversations.models import ASSISTANT, CONSULTANT, SHOP, TEMPORARY, WAITING, Conversation
from app.conversations.service import add_line
from app.core.actor import Actor, Role
from app.core.clock import now
from app.core.errors import N_, Conflict, InvalidParam, NotFound
from app.db import db
from app.onboarding.settings import read_values
from app.onboarding.values import Values
from app.outbox.service import publish

log = getLogger(__name__)
# The outbox topic of somebody who has asked for a person.
TOPIC = "consultation.asked"
# Who makes the assistant silent: called in the transaction of a takeover with the conversation's id. The agent is above.
SILENCERS: list[Callable[[str], None]] = []
NOT_YOURS = N_("This conversation is not yours.")


class AlreadyClaimed(Conflict):
    """Somebody else was faster."""

    code = "ALREADY_CLAIMED"
    default_message = N_("Another consultant has this customer already.")


class OfferedToAnother(Conflict):
    """The offer to somebody else still holds."""

    code = "OFFERED_TO_ANOTHER"
    default_message = N_("This customer is offered to another consultant right now. Try again in a moment.")


def open_for_registration(user_id: int, conversation_id: str, values: Values) -> None:
    """A new customer waits, once for each conversation, whatever became of it. For the automation's last step."""
    known = select(Consultation.id).where(Consultation.conversation_id == conversation_id).limit(1)
    if db.session.scalar(known) is None:
        _open(user_id, conversation_id, values, Source.REGISTRATION)


def ask_for_person(actor: Actor, conversation_id: str, reason: str = "") -> Consultation:
    """The customer wants a person: they wait, or, when a consultant has claimed them already, that one answers at once.

    Asking again changes nothing but the reason. Raises Unauthorized for a guest, NotFound.
    """
    user_id = actor.require_user()
    talk = _own_conversation(actor, conversation_id)
    asked = " ".join(reason.split())[:MAX_ASKED]
    found = _find_open(talk.id)
    if found is None:
        found = _open(user_id, talk.id, read_values(), Source.ASKED, asked)
        is_new = True
    else:
        is_new = _change_to_asked(found, asked)
    if found.status == State.CLAIMED.value and found.taken_over_at is None and found.claimed_by is not None:
        _take_over(found, found.claimed_by)
    elif found.status == State.WAITING.value:
        _set_status(talk.id, WAITING)
        channels.publish_conversation(talk.id, "waiting")
    if is_new:
        publish(
            "consultation.asked",
            {
                "consultation_id": found.id,
                "user_id": user_id,
                "conversation_id": talk.id,
                "asked": found.asked,
                "waiting_since": found.waiting_since.isoformat(),
            },
        )
    return found


def claim(actor: Actor, user_id: int) -> list[Consultation]:
    """Take a waiting customer: one winner, whatever the race; the customer's talks that are now the actor's.

    Who has asked for a person is taken over at once. To claim again what one has is no error. Raises Unauthorized,
    Forbidden, NotFound, AlreadyClaimed, OfferedToAnother.
    """
    me = actor.require_role(Role.CONSULTANT, Role.ADMIN)
    attending.show_life(actor)
    at = now()
    is_mine_to_take = or_(
        Consultation.offered_until.is_(None), Consultation.offered_until <= at, Consultation.offered_to == me
    )
    taken = _change(
        Consultation.user_id == user_id,
        Consultation.status == State.WAITING.value,
        is_mine_to_take,
        status=State.CLAIMED.value,
        claimed_by=me,
        claimed_at=at,
        offered_to=None,
        offered_until=None,
    )
    mine = list(
        db.session.scalars(
            select(Consultation)
            .where(
                Consultation.user_id == user_id,
                Consultation.claimed_by == me,
                Consultation.status == State.CLAIMED.value,
            )
            .order_by(Consultation.id)
            .execution_options(populate_existing=True)
        )
    )
    if not taken and not mine:
        raise _why_not(user_id)
    for each in mine:
        if each.source == Source.ASKED.value and each.taken_over_at is None:
            _take_over(each, me)
    if taken:
        _tell_claimed(mine, me, at)
    return mine


def take_over(actor: Actor, conversation_id: str) -> Consultation:
    """The consultant who has claimed the customer answers from now on; the assistant is silent at the commit.

    To take over again is no error. Raises NotFound.
    """
    me = actor.require_role(Role.CONSULTANT, Role.ADMIN)
    mine = get_own(me, conversation_id)
    if mine.taken_over_at is None:
        _take_over(mine, me)
    return mine


def hand_back(actor: Actor, conversation_id: str, note: str = "") -> None:
    """The assistant answers again and knows the note, which the customer does not see. Raises NotFound, InvalidParam."""
    me = actor.require_role(Role.CONSULTANT, Role.ADMIN)
    text = note.strip()
    if len(text) > MAX_NOTE:
        raise InvalidParam(fields={"note": N_("A note may have 2000 characters.")})
    mine = get_own(me, conversation_id)
    _close(mine, Ending.HANDED_BACK, Line.HANDED_BACK, note=text)
    offer_next_to(me, read_values())


def release(actor: Actor, conversation_id: str) -> None:
    """The customer waits for another consultant. An admin may release anybody's. Raises NotFound."""
    me = actor.require_role(Role.CONSULTANT, Role.ADMIN)
    found = _find_open(conversation_id)
    is_allowed = found is not None and (found.claimed_by == me or actor.has_role(Role.ADMIN))
    if found is None or found.status != State.CLAIMED.value or not is_allowed:
        raise NotFound(NOT_YOURS)
    release_claim(found.id)


def release_claim(consultation_id: int) -> bool:
    """Back to waiting; False when it is not claimed any more."""
    found = db.session.get(Consultation, consultation_id, populate_existing=True)
    if found is None or found.status != State.CLAIMED.value:
        return False
    had, was_talking = found.claimed_by, found.taken_over_at is not None
    values: dict[str, Any] = {"claimed_by": None, "claimed_at": None, "taken_over_at": None}
    if was_talking:
        values["waiting_since"] = now()
    if not _change(
        Consultation.id == consultation_id,
        Consultation.status == State.CLAIMED.value,
        Consultation.claimed_by == had,
        status=State.WAITING.value,
        **values,
    ):
        return False
    if was_talking:
        _set_status(found.conversation_id, WAITING)
        _say_line(found, Line.RELEASED)
    channels.publish_conversation(found.conversation_id, "released")
    _tell_staff("customer.released", found)
    offer_to_somebody(consultation_id, read_values(), not_to=had)
    return True


def leave(actor: Actor, conversation_id: str) -> bool:
    """The customer does not want a person any more; False when nobody was asked. Raises NotFound."""
    talk = _own_conversation(actor, conversation_id)
    found = _find_open(talk.id)
    if found is None:
        return False
    _close(found, Ending.CUSTOMER_LEFT, Line.CUSTOMER_LEFT)
    return True


def get_own(me: int, conversation_id: str) -> Consultation:
    """What `me` has claimed and not closed in a conversation, as it is now. Raises NotFound."""
    found = _find_open(conversation_id)
    if found is None or found.status != State.CLAIMED.value or found.claimed_by != me:
        raise NotFound(NOT_YOURS)
    return found


def _own_conversation(actor: Actor, conversation_id: str) -> Conversation:
    found = db.session.scalar(
        select(Conversation).where(
            Conversation.id == conversation_id[:32],
            Conversation.owner == actor.subject,
            Conversation.purpose == SHOP,
            Conversation.status != TEMPORARY,
        )
    )
    if found is None:
        raise NotFound()
    return found


def _open(
    user_id: int, conversation_id: str, values: Values, source: Source, asked: str = ""
) -> Consultation:
    """A new one; of two at the same time the second gets the first's."""
    new = Consultation(
        user_id=user_id,
        conversation_id=conversation_id,
        open_in=conversation_id,
        source=source.value,
        asked=asked,
    )
    try:
        with db.session.begin_nested():
            db.session.add(new)
    except IntegrityError:
        found = _find_open(conversation_id)
        if found is None:
            raise
        return found
    offer_to_somebody(new.id, values)
    return new


def _find_open(conversation_id: str) -> Consultation | None:
    return db.session.scalar(
        select(Consultation)
        .where(Consultation.open_in == conversation_id[:32])
        .execution_options(populate_existing=True)
    )


def _change_to_asked(found: Consultation, asked: str) -> bool:
    """Who waited as a new customer now waits because they asked; True when that is new."""
    if found.source == Source.ASKED.value:
        if asked and asked != found.asked:
            _change(Consultation.id == found.id, asked=asked)
            found.asked = asked
        return False
    values: dict[str, Any] = {"source": Source.ASKED.value, "asked": asked}
    if found.status == State.WAITING.value:
        values["waiting_since"] = now()
    changed = _change(Consultation.id == found.id, Consultation.source == Source.REGISTRATION.value, **values)
    db.session.refresh(found)
    return changed == 1


def _take_over(found: Consultation, me: int) -> None:
    if not _change(
        Consultation.id == found.id,
        Consultation.claimed_by == me,
        Consultation.status == State.CLAIMED.value,
        Consultation.taken_over_at.is_(None),
        taken_over_at=now(),
    ):
        return
    # From this row's lock on no answer begins; one that is being made ends with this transaction.
    _set_status(found.conversation_id, CONSULTANT)
    for silence in SILENCERS:
        silence(found.conversation_id)
    db.session.refresh(found)
    _say_line(found, Line.TAKEN_OVER, author_id=me)
    channels.publish_conversation(found.conversation_id, "taken_over", {"by": me})


def _close(found: Consultation, ending: Ending, line: Line, *, note: str = "") -> None:
    was_talking = found.taken_over_at is not None
    if not _change(
        Consultation.id == found.id,
        Consultation.open_in == found.conversation_id,
        Consultation.claimed_by == found.claimed_by
        if found.claimed_by
        else Consultation.claimed_by.is_(None),
        status=State.CLOSED.value,
        open_in=None,
        closed_at=now(),
        closed_reason=ending.value,
        offered_to=None,
        offered_until=None,
    ):
        raise Conflict(N_("Somebody was faster. Look again."), code="CHANGED_MEANWHILE")
    values: dict[str, Any] = {"handback_note": note or None} if ending is Ending.HANDED_BACK else {}
    _set_status(found.conversation_id, ASSISTANT, **values)
    if was_talking:
        _say_line(found, line, author_id=found.claimed_by)
    event = "handed_back" if ending is Ending.HANDED_BACK else "closed"
    channels.publish_conversation(found.conversation_id, event)
    _tell_staff(f"customer.{ending.value}", found)


def _why_not(user_id: int) -> Conflict | NotFound:
    found = set(
        db.session.scalars(select(Consultation.status).where(Consultation.user_id == user_id).distinct())
    )
    if not found:
        return NotFound(N_("This customer waits for nobody."))
    if State.CLAIMED.value in found:
        return AlreadyClaimed()
    if State.WAITING.value in found:
        return OfferedToAnother()
    return Conflict(N_("This customer waits for nobody."), code="NOT_WAITING")


def _tell_claimed(mine: list[Consultation], me: int, at: datetime) -> None:
    name = names_of_users([me]).get(me, "")
    for each in mine:
        channels.publish_staff(
            "claimed",
            {
                "user_id": each.user_id,
                "conversation_id": each.conversation_id,
                "consultation_id": each.id,
                "claimed_by": me,
                "consultant": name,
                "claimed_at": at.isoformat(),
            },
        )
        channels.publish_conversation(each.conversation_id, "claimed")


def _tell_staff(kind: str, found: Consultation) -> None:
    told = {
        "kind": kind,
        "user_id": found.user_id,
        "conversation_id": found.conversation_id,
        "consultation_id": found.id,
    }
    channels.publish_staff("notification", told)


def _say_line(found: Consultation, line: Line, author_id: int | None = None) -> None:
    name = names_of_users([author_id]).get(author_id, "") if author_id is not None else ""
    locale = db.session.scalar(select(User.locale).where(User.id == found.user_id)) or "zh"
    add_line(found.conversation_id, line.value, line_in(locale, line.value, name), author_id=author_id)


def _set_status(conversation_id: str, status: str, **values: Any) -> None:
    db.session.execute(
        update(Conversation)
        .where(Conversation.id == conversation_id)
        .values(status=status, updated_at=now(), **values)
        .execution_options(synchronize_session=False)
    )


def _change(*where: Any, **values: Any) -> int:
    """Change consultations under a condition; how many were."""
    changed = db.session.execute(
        update(Consultation).where(*where).values(**values).execution_options(synchronize_session=False)
    )
    return cast(CursorResult[Any], changed).rowcount
