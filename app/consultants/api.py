"""JSON API of the desk (api.md, "Automation and consultants")."""

from __future__ import annotations

from functools import partial

from flask import Blueprint

from app.consultants import attending, queries, service, talking
from app.consultants.assigning import offer_next_to
from app.consultants.presence import OFFLINE
from app.consultants.queries import get_desk
from app.consultants.schemas import (
    AttendingOut,
    ClaimOut,
    ConsultationOut,
    DeskOut,
    HandBackIn,
    NoteIn,
    NoteOut,
    OwnOut,
    PresenceIn,
    PresenceOut,
    ReadIn,
    SendIn,
    SentOut,
    WaitingOut,
    consultation_out,
)
from app.core.actor import Actor, Role
from app.db import in_transaction
from app.onboarding.settings import read_values
from app.web.api import endpoint
from app.web.auth import CONSULTANT, current_actor

bp = Blueprint("consultants_api", __name__)
TALK = "/api/v1/conversations/<string(maxlength=32):conversation_id>"
WRITE_LIMIT = "120/minute"


@endpoint(
    bp, "/api/v1/consultations", who=CONSULTANT, answers={200: DeskOut}, errors=(401, 403),
    summary="Who waits for a consultant, and the caller's own customers",
)  # fmt: skip
def show_desk() -> DeskOut:
    own = queries.list_own(current_actor())
    return DeskOut(
        waiting=[
            WaitingOut(**{name: getattr(row, name) for name in WaitingOut.model_fields})
            for row in queries.list_waiting()
        ],
        own=[OwnOut(**{name: getattr(row, name) for name in OwnOut.model_fields}) for row in own],
    )


@endpoint(
    bp, "/api/v1/customers/<int:user_id>/claim", method="POST", who=CONSULTANT, answers={200: ClaimOut},
    errors=(401, 403, 404, 409), summary="Claim a waiting customer: one winner, for all others 409 ALREADY_CLAIMED",
)  # fmt: skip
def claim(user_id: int) -> ClaimOut:
    """Who has asked for a person is taken over at once. 409 OFFERED_TO_ANOTHER while an offer to somebody else holds."""
    actor = current_actor()
    mine = in_transaction(partial(service.claim, actor, user_id))
    return ClaimOut(
        user_id=user_id,
        conversation_id=mine[-1].conversation_id,
        claimed_by=actor.require_user(),
        consultations=[consultation_out(row) for row in mine],
    )


@endpoint(
    bp, f"{TALK}/takeover", method="POST", who=CONSULTANT, answers={200: ConsultationOut},
    errors=(401, 403, 404), summary="Answer a claimed customer yourself: the assistant is silent from here on",
)  # fmt: skip
def take_over(conversation_id: str) -> ConsultationOut:
    return consultation_out(in_transaction(partial(service.take_over, current_actor(), conversation_id)))


@endpoint(
    bp, f"{TALK}/messages", method="POST", who=CONSULTANT, body=SendIn, answers={201: SentOut},
    errors=(401, 403, 404, 409, 422), limit=WRITE_LIMIT, summary="Write to a claimed customer; the first message takes over",
)  # fmt: skip
def send(conversation_id: str, body: SendIn) -> tuple[SentOut, int]:
    """The same `client_message_id` again writes nothing and answers 200."""
    message_id, is_new = in_transaction(
        lambda: talking.send(current_actor(), conversation_id, body.content, body.client_message_id)
    )
    sent = SentOut(message_id=message_id, conversation_id=conversation_id, is_new=is_new)
    return sent, 201 if is_new else 200


@endpoint(
    bp, f"{TALK}/handback", method="POST", who=CONSULTANT, body=HandBackIn, answers={200: ConsultationOut},
    errors=(401, 403, 404, 409, 422), summary="Let the assistant answer again, with a note that only it sees",
)  # fmt: skip
def hand_back(conversation_id: str, body: HandBackIn) -> ConsultationOut:
    actor = current_actor()
    in_transaction(lambda: service.hand_back(actor, conversation_id, body.note))
    return consultation_out(get_desk(actor, conversation_id).consultation)


@endpoint(
    bp, f"{TALK}/release", method="POST", who=CONSULTANT, answers={200: ConsultationOut},
    errors=(401, 403, 404), summary="Let a claimed customer wait for another consultant",
)  # fmt: skip
def release(conversation_id: str) -> ConsultationOut:
    actor = current_actor()
    in_transaction(partial(service.release, actor, conversation_id))
    return consultation_out(get_desk(actor, conversation_id).consultation)


@endpoint(
    bp, f"{TALK}/read", method="POST", who=CONSULTANT, body=ReadIn, answers={204: None},
    errors=(401, 403, 404, 422), summary="Tell the customer up to which message you have read",
)  # fmt: skip
def mark_read(conversation_id: str, body: ReadIn) -> None:
    mine = service.get_own(current_actor().require_user(), conversation_id)
    in_transaction(lambda: talking.mark_read(mine.conversation_id, talking.DESK_SIDE, body.message_id))


@endpoint(
    bp, f"{TALK}/typing", method="POST", who=CONSULTANT, answers={204: None}, errors=(401, 403, 404),
    summary="Tell the customer that you are typing; holds for some seconds",
)  # fmt: skip
def show_typing(conversation_id: str) -> None:
    mine = service.get_own(current_actor().require_user(), conversation_id)
    talking.show_typing(mine.conversation_id, talking.DESK_SIDE)


@endpoint(
    bp, f"{TALK}/notes", who=CONSULTANT, answers={200: list[NoteOut]}, errors=(401, 403, 404),
    summary="The private notes beside a conversation",
)  # fmt: skip
def show_notes(conversation_id: str) -> list[NoteOut]:
    desk = get_desk(current_actor(), conversation_id)
    return _notes(desk.conversation.id)


@endpoint(
    bp, f"{TALK}/notes", method="POST", who=CONSULTANT, body=NoteIn, answers={201: list[NoteOut]},
    errors=(401, 403, 404, 422), limit=WRITE_LIMIT, summary="Write a private note",
)  # fmt: skip
def add_note(conversation_id: str, body: NoteIn) -> list[NoteOut]:
    actor = current_actor()
    desk = get_desk(actor, conversation_id)
    in_transaction(lambda: talking.add_note(actor, desk.conversation.id, body.text))
    return _notes(desk.conversation.id)


def _notes(conversation_id: str) -> list[NoteOut]:
    return [
        NoteOut(id=note.id, author=note.author, text=note.text, created_at=note.created_at)
        for note in queries.list_notes(conversation_id)
    ]


@endpoint(
    bp, "/api/v1/presence", who=CONSULTANT, answers={200: PresenceOut}, errors=(401, 403),
    summary="Who of the team is there",
)  # fmt: skip
def show_presence() -> PresenceOut:
    return _presence(current_actor())


@endpoint(
    bp, "/api/v1/presence", method="POST", who=CONSULTANT, body=PresenceIn, answers={200: PresenceOut},
    errors=(401, 403, 422), summary="Show a sign of life every 20 seconds, and what you are: online, busy or away",
)  # fmt: skip
def show_life(body: PresenceIn) -> PresenceOut:
    """After a minute without one you are offline. Who comes online is offered who has waited longest."""
    actor = current_actor()
    in_transaction(partial(beat, actor, body.status))
    return _presence(actor)


def beat(actor: Actor, status: str | None) -> None:
    """A heartbeat, and what follows from it; within a transaction."""
    if attending.show_life(actor, status) and actor.has_role(Role.CONSULTANT):
        offer_next_to(actor.require_user(), read_values())


def _presence(actor: Actor) -> PresenceOut:
    team = attending.list_team(read_values().busy_at)
    mine = next((each.status for each in team if each.user_id == actor.user_id), OFFLINE)
    shown = [
        AttendingOut(user_id=each.user_id, username=each.username, status=each.status, load=each.load)
        for each in team
    ]
    return PresenceOut(status=mine, team=shown)
