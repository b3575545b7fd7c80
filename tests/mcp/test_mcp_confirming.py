"""Side effects wait for a person's yes, in every era, and a yes is good for once."""

from __future__ import annotations

from typing import Any

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitRequestParams, ElicitResult, InputRequiredResult

from app.core.actor import SYSTEM
from app.db import in_transaction
from app.mcp.service import NewGroup, create_group
from tests.mcp.serving import ODD, Program, with_client

pytestmark = [pytest.mark.redis, pytest.mark.slow]


class Person:
    """Somebody at the client who answers forms."""

    def __init__(self, action: str = "accept", **content: Any) -> None:
        self.asked: list[str] = []
        self._answer = ElicitResult(action=action, content=content or None)  # type: ignore[arg-type]

    async def __call__(self, context: Any, params: ElicitRequestParams) -> ElicitResult:
        self.asked.append(params.message)
        return self._answer


def launches(program: Program, name: str) -> float | None:
    return program.word(name, "launched")


@pytest.mark.parametrize(("era", "served"), [("auto", "program"), ("legacy", "keeping")])
def test_a_yes_runs_what_was_shown(request: pytest.FixtureRequest, era: str, served: str) -> None:
    program: Program = request.getfixturevalue(served)
    person, name = Person(approve=True), f"yes-{era}"
    result = program.call(ODD, "launch", {"name": name}, mode=era, elicitation_callback=person)
    assert result.structured_content == {"launched": name, "times": 1}
    assert person.asked == [f"Launch {name}?\ntotal: 12.00"]


@pytest.mark.parametrize(("era", "served"), [("auto", "program"), ("legacy", "keeping")])
@pytest.mark.parametrize("person", [Person("decline"), Person("cancel"), Person(approve=False), Person()])
def test_everything_else_is_a_no(
    request: pytest.FixtureRequest, era: str, served: str, person: Person
) -> None:
    program: Program = request.getfixturevalue(served)
    result = program.call(ODD, "launch", {"name": "no"}, mode=era, elicitation_callback=person)
    assert result.is_error and result.structured_content["error"]["code"] == "DENIED"
    assert launches(program, "no") is None


@pytest.mark.parametrize("era", ["auto", "legacy"])
def test_a_client_that_cannot_ask_is_told_so(program: Program, era: str) -> None:
    result = program.call(ODD, "launch", {"name": "mute"}, mode=era)
    assert result.is_error and "cannot ask" in str(result.structured_content)
    assert launches(program, "mute") is None


def test_an_older_client_without_a_session_cannot_be_asked(program: Program) -> None:
    result = program.call(
        ODD, "launch", {"name": "late"}, mode="legacy", elicitation_callback=Person(approve=True)
    )
    assert result.is_error and launches(program, "late") is None


def test_a_yes_cannot_be_used_twice_changed_or_lent(program: Program) -> None:
    yes = {"confirm": ElicitResult(action="accept", content={"approve": True})}
    with program.app.app_context():
        new = NewGroup(code="neighbour", name="Neighbour", rights=("read", "write"), tools=("launch",))
        neighbour = in_transaction(lambda: create_group(SYSTEM, new)[1])

    async def first(client: Client) -> str:
        asked = await client.session.call_tool("launch", {"name": "once"}, allow_input_required=True)
        assert isinstance(asked, InputRequiredResult) and asked.request_state
        return asked.request_state

    async def again(client: Client, state: str, name: str = "once", answers: Any = yes) -> Any:
        return await client.session.call_tool(
            "launch", {"name": name}, input_responses=answers, request_state=state, allow_input_required=True
        )

    async def lent(there: Client, state: str) -> None:
        with pytest.raises(MCPError):
            await again(there, state)

    async def walk(client: Client) -> None:
        state = await first(client)
        for wrong, name in ((state[:-4] + "AAAA", "once"), (state, "other"), ("x", "once")):
            with pytest.raises(MCPError):
                await again(client, wrong, name)
        other = {"something": ElicitResult(action="accept", content={"approve": True})}
        assert (await again(client, state, answers=other)).is_error
        await with_client(program.mcp, neighbour, lambda there: lent(there, state))
        assert launches(program, "once") is None
        assert (await again(client, state)).structured_content == {"launched": "once", "times": 1}
        assert (await again(client, state)).is_error
        assert launches(program, "once") == 1

    async def no_callback(context: Any, params: Any) -> ElicitResult:
        raise AssertionError("the test answers itself")

    program.ask(program.keys[ODD], walk, elicitation_callback=no_callback)
