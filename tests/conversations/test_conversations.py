import pytest
from flask import Flask

from app.conversations import queries, service
from app.conversations.service import RunClosed, RunKey
from app.core.actor import Actor
from app.core.errors import Conflict, NotFound
from app.core.ids import new_id
from app.db import in_transaction
from tests.builders import make_user

GUEST, OTHER = Actor(guest_id="g1"), Actor(guest_id="g2")


def open_run(actor: Actor = GUEST, session_id: str | None = None) -> RunKey:
    def work() -> RunKey:
        conversation = service.open_conversation(actor, session_id, first_words="你好")
        return RunKey.of(service.open_run(actor, conversation, new_id()))

    return in_transaction(work)


def test_titles_are_the_first_words_on_one_line() -> None:
    assert service.title_from("  hello\n  world ") == "hello world"
    assert service.title_from("字" * 80) == "字" * 39 + "…"


def test_one_run_at_a_time_and_closed_once(each_app: Flask) -> None:
    with each_app.app_context():
        run = open_run()
        with pytest.raises(Conflict) as caught:
            open_run(session_id=run.conversation_id)
        assert caught.value.code == "RUN_ACTIVE"
        assert in_transaction(lambda: service.close_run(run.id, status="done")) is True
        assert in_transaction(lambda: service.close_run(run.id, status="error")) is False
        assert queries.get_run(GUEST, run.id).status == "done"
        with pytest.raises(RunClosed):
            in_transaction(lambda: service.add_while_active(run, role="tool"))
        open_run(session_id=run.conversation_id)


@pytest.mark.usefixtures("ctx")
def test_conversations_of_others_do_not_exist() -> None:
    run = open_run()
    with pytest.raises(NotFound):
        open_run(OTHER, run.conversation_id)
    with pytest.raises(NotFound):
        queries.get_run(OTHER, run.id)
    assert queries.list_conversations(OTHER) == []
    assert len(queries.list_conversations(GUEST)) == 1


def test_a_guests_conversations_go_along_at_login(each_app: Flask) -> None:
    with each_app.app_context():
        user = Actor(user_id=make_user().id)
        run, other = open_run(), open_run(OTHER)
        assert in_transaction(lambda: service.take_over(GUEST, user)) == 1
        assert in_transaction(lambda: service.take_over(Actor(), user)) == 0
        assert [item.id for item in queries.list_conversations(user)] == [run.conversation_id]
        assert queries.get_run(user, run.id).owner == user.subject
        assert queries.list_conversations(GUEST) == []
        assert queries.get_run(OTHER, other.id).active_in == other.conversation_id
