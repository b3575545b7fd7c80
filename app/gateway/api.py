"""JSON API of agents, for admins. Answers are `{success, data, message}`, errors the one form of the API."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint
from flask_babel import gettext

from app.core.clock import now
from app.db import in_transaction
from app.gateway import changes, service
from app.gateway.queries import get_agent, list_agents
from app.gateway.results import results_of
from app.gateway.schemas import (
    AgentIn,
    AgentOut,
    AgentPatch,
    AgentQuery,
    ResultOut,
    ResultsQuery,
    SharesIn,
    TrialIn,
    TrialOut,
    agent_json,
    changes_of,
    result_json,
    trial_json,
)
from app.web.answers import Answer
from app.web.api import endpoint
from app.web.auth import ADMIN, current_actor
from app.web.i18n import current_locale

bp = Blueprint("agents_api", __name__)
ONE = "/api/v1/agents/<int:agent_id>"
TRIALS = "10 per minute"


@endpoint(
    bp,
    "/api/v1/agents",
    who=ADMIN,
    summary="All agents, by purpose and in the order they are asked",
    query=AgentQuery,
    answers={200: Answer[list[AgentOut]]},
)
def get_agents(query: AgentQuery) -> Answer[list[AgentOut]]:
    return Answer(data=[agent_json(agent) for agent in list_agents(query.purpose)])


@endpoint(
    bp,
    "/api/v1/agents",
    method="POST",
    who=ADMIN,
    summary="Make an agent with version 1",
    body=AgentIn,
    answers={201: Answer[AgentOut]},
    errors=(409,),
)
def post_agent(body: AgentIn) -> tuple[Answer[AgentOut], int, dict[str, str]]:
    agent_id = changes.create(current_actor(), body.model_dump())
    answer = Answer[AgentOut](data=agent_json(get_agent(agent_id)), message=gettext("The agent is there."))
    return answer, 201, {"Location": f"/api/v1/agents/{agent_id}"}


@endpoint(
    bp, ONE, who=ADMIN, summary="An agent with its versions", answers={200: Answer[AgentOut]}, errors=(404,)
)
def get_one_agent(agent_id: int) -> Answer[AgentOut]:
    return Answer(data=agent_json(get_agent(agent_id)))


@endpoint(
    bp,
    ONE,
    method="PATCH",
    who=ADMIN,
    summary="Change an agent; a changed field of a version makes a new version",
    body=AgentPatch,
    answers={200: Answer[AgentOut]},
    errors=(404, 409),
)
def patch_agent(agent_id: int, body: AgentPatch) -> Answer[AgentOut]:
    saved = changes.save(current_actor(), agent_id, changes_of(body), from_version=body.from_version)
    return Answer(data=agent_json(get_agent(agent_id)), message=told_of(saved))


def told_of(saved: service.Saved) -> str:
    """What an edit did, in the reader's language."""
    if saved.version is None:
        return str(gettext("Saved. No new version was needed."))
    if saved.version.weight == 0:
        text = gettext("Saved as version %(number)s. It gets no traffic yet.", number=saved.version.number)
    else:
        text = gettext("Saved as version %(number)s. It answers from now on.", number=saved.version.number)
    return str(text)


@endpoint(
    bp,
    ONE,
    method="DELETE",
    who=ADMIN,
    summary="Take an agent away for good; its name is free again",
    answers={200: Answer[None]},
    errors=(404,),
)
def delete_agent(agent_id: int) -> Answer[None]:
    actor = current_actor()
    in_transaction(lambda: service.delete_agent(actor, agent_id))
    return Answer(data=None, message=gettext("The agent is deleted."))


@endpoint(
    bp,
    f"{ONE}/test",
    method="POST",
    who=ADMIN,
    summary="A real call of one short turn; `success` false with the error when the model does not answer",
    body=TrialIn,
    answers={200: Answer[TrialOut]},
    errors=(404, 429),
    limit=TRIALS,
)
def post_test(agent_id: int, body: TrialIn) -> Answer[TrialOut]:
    trial = changes.try_out(agent_id, body.version, current_locale())
    message = gettext(trial.error.message) if trial.error else gettext("The model answers.")
    return Answer(success=trial.error is None, data=trial_json(trial, message), message=message)


@endpoint(
    bp,
    f"{ONE}/versions/<int:number>/restore",
    method="POST",
    who=ADMIN,
    summary="Roll back: all the traffic to this version",
    answers={200: Answer[AgentOut]},
    errors=(404,),
)
def post_restore(agent_id: int, number: int) -> Answer[AgentOut]:
    actor = current_actor()
    in_transaction(lambda: service.roll_back(actor, agent_id, number))
    message = gettext("Version %(number)s answers from now on.", number=number)
    return Answer(data=agent_json(get_agent(agent_id)), message=message)


@endpoint(
    bp,
    f"{ONE}/shares",
    method="PUT",
    who=ADMIN,
    summary="Share the traffic among versions",
    body=SharesIn,
    answers={200: Answer[AgentOut]},
    errors=(404,),
)
def put_shares(agent_id: int, body: SharesIn) -> Answer[AgentOut]:
    changes.share(current_actor(), agent_id, body.shares)
    return Answer(data=agent_json(get_agent(agent_id)), message=gettext("The shares are saved."))


@endpoint(
    bp,
    f"{ONE}/results",
    who=ADMIN,
    summary="What became of the answers, by version",
    query=ResultsQuery,
    answers={200: Answer[list[ResultOut]]},
    errors=(404,),
)
def get_results(agent_id: int, query: ResultsQuery) -> Answer[list[ResultOut]]:
    get_agent(agent_id)
    found = results_of(agent_id, now() - timedelta(days=query.days))
    return Answer(data=[result_json(result) for result in found])
