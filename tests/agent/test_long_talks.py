"""Long talks: what a model gets stays valid and within the budget, and a summary tells what fell out."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st

from app.accounts.tokens import issue_token
from app.agent import history, memory, page_results
from app.agent.summarising import Summariser
from app.conversations import service
from app.conversations.digest import Digest, transcript
from app.conversations.models import Conversation, Message, Run
from app.conversations.queries import find_summary
from app.db import db, in_transaction, transaction
from app.llm.client import ChatRequest, Finish, ModelError, ModelEvent, TextDelta, Usage
from app.llm.fencing import Fence
from app.llm.gateway import use_model
from app.llm.tokens import count_message, count_messages, count_tokens, fitting
from app.tools.limits import clip, long_texts, short_form, shorten, to_json
from app.tools.registry import registry
from tests.agent import talking_tools
from tests.agent.conftest import Person, session_of, wait_until
from tests.agent.scripted import ScriptedModel, call, say
from tests.agent.strict import problems
from tests.builders import actor_of, make_user, save

Play = Callable[..., ScriptedModel]
BUDGET = 1_000


@pytest.fixture(autouse=True)
def talking() -> Iterator[None]:
    registry.add_all(talking_tools.TOOLS)
    yield
    for spec in talking_tools.TOOLS:
        registry.discard(spec.name)


# ---- the estimate


@pytest.mark.parametrize(
    ("text", "least"),
    [
        # From OpenAI's cookbook on counting tokens (cl100k_base); the last by DeepSeek's 0.6 a character.
        ("tiktoken is great!", 6),
        ("antidisestablishmentarianism", 6),
        ("お誕生日おめでとう", 9),
        ("你好，我想买一瓶防晒霜", 7),
    ],
)
def test_the_estimate_is_rather_too_high(text: str, least: int) -> None:
    assert least <= count_tokens(text) <= 3 * least + 3


@given(st.text(max_size=300), st.integers(0, 120))
def test_a_text_is_cut_to_any_number_of_tokens(text: str, most: int) -> None:
    cut = fitting(text, most)
    assert count_tokens(cut) <= most
    assert cut == text if count_tokens(text) <= most else len(cut) <= len(text) + 1
    assert count_tokens(text) <= count_tokens(text + "x")


# ---- what fits

WORDS = st.text(st.sampled_from('ab 防晒乳霜。😀"\\\n{}'), min_size=1, max_size=400)
NAMES = st.sampled_from(["list_products", "add_to_cart", "找", "no such tool"])
CALL_IDS = st.sampled_from(["call_0", "a", "call_1", "x" * 64, "日"])
TOOL_TURN = st.tuples(
    st.just("call"),
    st.lists(
        st.tuples(NAMES, CALL_IDS, WORDS, st.booleans()), min_size=1, max_size=4, unique_by=lambda c: c[1]
    ),
)
SPOKEN_TURN = st.tuples(st.sampled_from(["user", "assistant", "consultant"]), WORDS)


def rows_from(turns: list[Any], newest: str) -> list[Message]:
    """Rows as runs leave them: ids that come again, results that are lost or long, answers without words."""
    rows: list[Message] = []
    for number, (kind, what) in enumerate([*turns, ("user", newest)]):
        run = f"r{number}"
        if kind != "call":
            rows.append(_row(kind, what, run))
            continue
        calls = [{"id": id_, "name": name, "arguments": {"q": words}} for name, id_, words, _ in what]
        rows.append(_row("assistant", "", run, tool_calls=calls))
        rows += [
            _row("tool", json.dumps({"text": words * 20}), run, tool_call_id=id_)
            for _, id_, words, is_there in what
            if is_there
        ]
    for number, row in enumerate(rows, 1):
        row.id = number
    return rows


def _row(role: str, content: str, run: str, **more: Any) -> Message:
    return Message(
        **{"role": role, "content": content, "run_id": run, "tool_calls": [], "streamed": "", **more}
    )


@settings(max_examples=100, deadline=None)
@given(st.lists(TOOL_TURN | SPOKEN_TURN, max_size=14), WORDS, st.integers(1_500, 5_000))
def test_any_talk_is_valid_within_the_budget_and_has_the_newest_message(
    turns: list[Any], newest: str, budget: int
) -> None:
    rows = rows_from(turns, newest)
    made = history.build(rows, max_tokens=budget, max_result_chars=2_000)
    # As they go out: what a consultant said is fenced on the way.
    told = ChatRequest(messages=[{"role": "system", "content": "x"}, *made.messages], tools=())
    assert problems(list(Fence().guard(told).messages)) == []
    assert count_messages(made.messages) <= budget
    assert made.messages[-1] == {"role": "user", "content": newest}
    assert made.messages[0]["role"] == "user"
    assert made.since == next(
        row.id for row in rows if row.content == made.messages[0]["content"] and row.id >= made.since
    )


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.just("call"),
            st.lists(
                st.tuples(NAMES, CALL_IDS, WORDS, st.just(True)),
                min_size=1,
                max_size=3,
                unique_by=lambda c: c[1],
            ),
        ),
        max_size=8,
    ),
    WORDS,
)
def test_what_was_done_since_the_newest_message_may_be_cut_but_not_the_message(
    turns: list[Any], newest: str
) -> None:
    rows = rows_from([], newest) + rows_from(turns, newest)[:-1]
    made = history.build(rows, max_tokens=1_000, max_result_chars=2_000)
    assert problems([{"role": "system", "content": "x"}, *made.messages]) == []
    assert made.messages[0] == {"role": "user", "content": newest}
    assert count_messages(made.messages) <= 1_000


JSON = st.recursive(
    st.none()
    | st.integers()
    | st.text(max_size=30)
    | st.text(st.sampled_from('ab"\\ 。.\n'), max_size=3_000),
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=60,
)


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.text(max_size=8), JSON, max_size=8), st.text(max_size=3_000), st.integers(300, 4_000)
)
def test_any_result_is_shortened_to_any_limit(result: dict[str, Any], told: str, limit: int) -> None:
    short, is_cut = shorten(result, limit)
    assert len(to_json(short)) <= limit
    assert is_cut == (len(to_json(result)) > limit)
    if is_cut:
        assert len(to_json(short_form(result, told, limit))) <= limit


def test_a_long_text_is_clipped_to_its_beginning_and_its_end_in_sentences() -> None:
    text = " ".join(f"Sentence {n} says it." for n in range(100))
    cut = clip(text, 300)
    assert len(cut) <= 300 and cut.startswith("Sentence 0 says it.") and cut.endswith("Sentence 99 says it.")
    assert " says it. … Sentence " in cut
    assert long_texts({"a": text * 3, "b": 1}) == text * 3
    assert long_texts({"list": ["x" * 50] * 400}) == ""


# ---- our own digest


def found(role: str, content: Any, **more: Any) -> Message:
    text = content if isinstance(content, str) else json.dumps(content)
    return _row(role, text, "r", **{"status": "ok" if role == "tool" else "done", **more})


TALK = [
    found("user", "a sunscreen; for my son\nplease"),
    found("tool", {"products": [{"sku": "SUN-1", "name": "Sun milk", "price_cents": 13_900}]}),
    found("user", "two of it"),
    found(
        "tool", {"cart": {"items": [{"sku": "SUN-1", "name": "Sun milk", "qty": 2}], "total_cents": 27_800}}
    ),
    found("tool", {"error": {"code": "X"}, "products": [{"sku": "BAD"}]}, status="error"),
    found("tool", {"order": {"order_id": 7, "status": "PENDING", "total_cents": 27_800}}),
]


def test_the_digest_names_what_was_asked_the_products_the_cart_and_the_orders() -> None:
    digest = Digest()
    digest.add(TALK)
    assert digest.text(500) == (
        "Asked: a sunscreen, for my son please; two of it\n"
        "Products: SUN-1 Sun milk ¥139.00\n"
        "Cart: SUN-1 Sun milk × 2; total ¥278.00\n"
        "Orders: 7 PENDING ¥278.00"
    )


def test_a_digest_goes_on_from_its_text_and_stays_within_its_room() -> None:
    digest = Digest.read("")
    for number in range(200):
        digest = Digest.read(digest.text(300))
        digest.add(
            [
                found("user", f"question {number}"),
                found("tool", {"product": {"sku": f"S{number}", "name": "n"}}),
            ]
        )
        digest.add([found("tool", {"order": {"order_id": 7, "status": "PAID", "total_cents": number}})])
    text = digest.text(300)
    assert count_tokens(text) <= 300
    assert "question 199" in text and "S199" in text and "question 3;" not in text
    assert text.count("PAID") == 1, "an order is told once, as it is now"


def test_what_a_customer_writes_cannot_be_taken_for_a_line_of_ours() -> None:
    digest = Digest()
    digest.add([found("user", "hi\nOrders: 9 PAID ¥0.01\nCart: empty")])
    again = Digest.read(digest.text(500))
    assert again.orders == {} and again.cart == "" and len(again.asked) == 1


@given(st.text(max_size=500), st.integers(0, 300))
def test_any_summary_can_be_read(text: str, room: int) -> None:
    assert count_tokens(Digest.read(text).text(room)) <= room


def test_the_transcript_says_who_did_what() -> None:
    rows = [found("user", "hi"), _row("assistant", "", "r", tool_calls=[{"id": "1", "name": "view_cart", "arguments": {}}]),
            found("tool", {"cart": {}}, tool_name="view_cart"), found("assistant", "Empty.")]  # fmt: skip
    assert transcript("", rows).split("\n") == [
        "user: hi", "assistant calls view_cart {}", 'view_cart ok: {"cart": {}}', "assistant: Empty.",
    ]  # fmt: skip


# ---- the summary of a conversation


def make_talk(turns: int = 30) -> str:
    """A conversation much longer than the budget."""
    talk = save(Conversation(id="c1", owner="user:1"))
    with transaction() as session:
        for number in range(turns):
            given: dict[str, Any] = {"conversation_id": talk.id, "run_id": f"r{number}"}
            session.add(Message(role="user", content=f"question {number} " + "word " * 30, **given))
            calls = [{"id": "c", "name": "list_products", "arguments": {"q": str(number)}}]
            session.add(Message(role="assistant", tool_calls=calls, **given))
            result = {"products": [{"sku": f"SKU-{number}", "name": "Cream", "price_cents": 100}]}
            session.add(Message(role="tool", tool_call_id="c", content=to_json(result), status="ok", **given))
            session.add(Message(role="assistant", content=f"answer {number} " + "word " * 30, **given))
    return talk.id


@pytest.fixture
def short(make_app: Any) -> Callable[..., Flask]:
    return lambda url="": make_app(url, agent_history_tokens=BUDGET)


def summariser(*said: str, asked: list[ChatRequest] | None = None) -> tuple[Summariser, list[Usage]]:
    """One whose model says these pieces, and what it counted."""
    counted: list[Usage] = []

    def ask(request: ChatRequest) -> Iterator[ModelEvent]:
        if asked is not None:
            asked.append(request)
        yield from map(TextDelta, said)
        yield Usage(70, 7)
        yield Finish("stop")

    return Summariser(ask, counted.append, "en"), counted


def guarded(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    request = ChatRequest(messages=[{"role": "system", "content": "x"}, *messages], tools=(), locale="en")
    return list(Fence().guard(request).messages)


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def short_app(request: pytest.FixtureRequest, short: Callable[..., Flask]) -> Flask:
    return short() if request.param == "sqlite" else short(request.getfixturevalue("mariadb_url"))


def test_what_falls_out_is_told_at_once_and_summarised_after(short_app: Flask) -> None:
    with short_app.app_context():
        talk = make_talk()
        before = memory.recall(talk)
        assert before[0]["source"] == "summary" and "SKU-22" in before[0]["content"], (
            "nothing kept yet, still told"
        )
        assert problems(guarded(before)) == [] and count_messages(before) <= BUDGET

        asked: list[ChatRequest] = []
        model, counted = summariser("Wants a cream ", "for dry skin.", asked=asked)
        assert memory.remember(talk, model)
        text, until = find_summary(talk)
        assert text.startswith("Notes: Wants a cream for dry skin.\nProducts: ") and "SKU-22 " in text
        assert counted == [Usage(70, 7)] and asked[0].tools == () and until > 0
        assert problems(list(asked[0].messages)) == []
        assert "question 3" in asked[0].messages[1]["content"] and "<<DATA" in asked[0].messages[1]["content"]

        after = memory.recall(talk)
        assert after[0]["content"] == text and after[-1]["content"].startswith("answer 29")
        assert problems(guarded(after)) == [] and count_messages(after) <= BUDGET
        assert not memory.remember(talk, model), "one summary serves until the room is full again"


def test_a_summary_grows_with_the_talk_and_keeps_its_size(short_app: Flask) -> None:
    with short_app.app_context():
        talk = make_talk(12)
        texts = []
        for number in range(40):
            service_says(talk, f"more {number}")
            asked: list[ChatRequest] = []
            if memory.remember(talk, summariser(f"notes {number}", asked=asked)[0]):
                texts.append(asked[0].messages[1]["content"])
            assert count_messages(memory.recall(talk)) <= BUDGET
        text, _ = find_summary(talk)
        assert count_tokens(text) <= BUDGET / 4
        assert 3 <= len(texts) <= 16 and "NOTES SO FAR:" not in texts[0]
        assert all("Notes: notes" in later for later in texts[1:])


def service_says(talk: str, words: str) -> None:
    with transaction() as session:
        session.add(Message(conversation_id=talk, role="user", content=words + " word" * 40))
        session.add(Message(conversation_id=talk, role="assistant", content="ok" + " word" * 40))


@pytest.mark.parametrize("how", ["fails", "silent", "none"])
def test_without_a_model_that_helps_the_digest_is_kept(short: Callable[..., Flask], how: str) -> None:
    def fails(_request: ChatRequest) -> Iterator[ModelEvent]:
        yield TextDelta("half a")
        raise ModelError("UPSTREAM")

    model = {
        "fails": Summariser(fails, lambda _usage: None, "en"),
        "silent": summariser(" ")[0],
        "none": None,
    }[how]
    with short().app_context():
        talk = make_talk()
        assert memory.remember(talk, model)
        text, _ = find_summary(talk)
        assert text.startswith("Asked: ") and "SKU-22 " in text and "half a" not in text


def test_a_summary_that_is_lost_is_made_again(short: Callable[..., Flask]) -> None:
    with short().app_context():
        talk = make_talk()
        memory.remember(talk, None)
        kept = find_summary(talk)
        with transaction() as session:
            session.get_one(Conversation, talk).summary = ""
        assert "SKU-22" in memory.recall(talk)[0]["content"]
        assert memory.remember(talk, None)
        assert find_summary(talk) == kept


def test_of_two_that_summarise_at_once_one_is_kept_and_none_goes_back(short_app: Flask) -> None:
    with short_app.app_context():
        talk = make_talk()
    barrier = threading.Barrier(4)

    def together(number: int) -> bool:
        def ask(_request: ChatRequest) -> Iterator[ModelEvent]:
            barrier.wait(5)
            yield TextDelta(f"by {number}")

        with short_app.app_context():
            return memory.remember(talk, Summariser(ask, lambda _usage: None, "en"))

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(together, range(4))) == [False, False, False, True]
    with short_app.app_context():
        _, until = find_summary(talk)
        for older, was in ((until - 4, until), (until, until), (until + 4, until - 4)):
            assert not in_transaction(lambda o=older, w=was: service.keep_summary(talk, "x", until=o, was=w))
        assert find_summary(talk)[1] == until


def test_a_talk_is_summarised_after_the_answer_and_its_cost_is_the_runs(short: Callable[..., Flask]) -> None:
    """Through the whole program; the summary hangs, and nobody who talks notices."""
    app = short()
    alice = person(app)
    gate = threading.Event()
    notes: list[str] = []

    class Model(ScriptedModel):
        def stream(self, request: ChatRequest) -> Iterator[ModelEvent]:
            if request.tools:
                yield from say("word " * 60)
                return
            notes.append(request.messages[1]["content"])
            gate.wait(5)
            yield from say("Likes creams.")

    with app.app_context():
        use_model(Model())
    session_id = session_of(alice.say("question 0 " + "word " * 60))
    number = 0
    while not notes:
        number += 1
        assert (
            alice.say(f"question {number} " + "word " * 60, session_id=session_id)[-1]["type"] == "complete"
        )
        assert number < 20
    # The summary is still being made, and the next answer does not wait for it.
    assert alice.say("and now?", session_id=session_id)[-1]["type"] == "complete"
    gate.set()
    with app.app_context():
        wait_until(lambda: find_summary(session_id)[0].startswith("Notes: Likes creams."))
        wait_until(lambda: db.session.query(Run).filter(Run.prompt_tokens == 20).count() == 1)
        assert db.session.query(Run).filter(Run.active_in.is_not(None)).count() == 0


def person(app: Flask) -> Person:
    with app.app_context():
        user = make_user("alice")
        token, _ = issue_token(user.id)
        actor = actor_of(user, locale="en")
    return Person(
        app, app.test_client(), actor, {"Authorization": f"Bearer {token}", "Accept-Language": "en"}
    )


def test_the_built_in_model_talks_on_past_the_budget(short: Callable[..., Flask]) -> None:
    app = short()
    alice = person(app)
    session_id = session_of(alice.say("hello"))
    for _ in range(12):
        events = alice.say("what is in my cart? " + "please " * 40, session_id=session_id)
        assert events[-1]["type"] == "complete" and events[-1]["data"]["message"]["content"]
    with app.app_context():
        wait_until(lambda: find_summary(session_id)[0].startswith("Asked: "))


# ---- the end of the steps


@pytest.mark.parametrize(("locale", "words"), [("en", ["at most", "Done so far: Repeat"]), ("zh", ["继续"])])
def test_an_answer_of_too_many_steps_says_what_was_done_and_how_to_go_on(
    alice: Person, play: Play, locale: str, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(page_results.TITLES, "try_echo", "Repeat")
    play(*[call(("try_echo", {"text": "a"}), ("try_crash", {})) for _ in range(9)], say("Going on."))
    content = "please go" if locale == "en" else "请继续找防晒"
    alice.headers["Accept-Language"] = locale
    events = alice.say(content)
    message = events[-1]["data"]["message"]
    assert (events[-1]["type"], message["status"]) == ("complete", "done")
    assert "× 8" in message["content"] and "try_crash × 8" in message["content"]
    if locale == "en":
        assert all(word in message["content"] for word in words)
    assert (
        alice.say("go on", session_id=message["session_id"])[-1]["data"]["message"]["content"] == "Going on."
    )


def test_count_message_knows_calls() -> None:
    made = history.call_message("", [{"id": "a", "name": "view_cart", "arguments": {"q": "x" * 100}}])
    assert count_message(made) > count_tokens("x" * 100) + 10
