"""The four parts of a diagnosis in a model's words: only what figures and documents bear out is kept.

The premise is always told in our own words, and so is every cause that the model's claims leave out: a model may say it better,
it cannot say less or other than the data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.insights.diagnosis.model import SECTIONS, Claim, Document, Figure, Ref, Section, Tag
from app.insights.diagnosis.service import Evidence
from app.insights.diagnosis.spoken_numbers import numbers_in, readable
from app.insights.diagnosis.verifying import verify
from app.insights.modelling.asking import Asker
from app.insights.modelling.tasks import Task, Wrong

MAX_CLAIMS, MAX_TEXT, MAX_REFS = 24, 400, 6
MAX_ROWS, MAX_CONTENT = 30, 2_500
# With fewer of the model's claims than these our own text stands.
LEAST_KEPT = 3
PREMISE = "premise"
MAX_TOKENS = 3_500
_MARKUP = re.compile(r"[<>`|*#\[\]{}]|://|www\.", re.I)

PROMPT = """You explain to a store manager why a figure moved, from figures and documents that are given. You write claims; each rests on given sources and is checked by a program: a claim with a number that is not in its figure, or a quotation that is not in its document, is thrown away.

Sections: finding (what the figures show), hypothesis (what the documents say may explain it), check (what the figures confirm or rule out), next (what to do: from the figures where to begin, from the documents how).
- tag data: every number in the text is a cell of the figures in refs (key, row counted from 0, column; row and column null for the whole figure). Write at least one number, as the cell has it: a ratio 0.123 as 12.3%, yuan as ¥1,234. Never calculate.
- tag kb: the text quotes its document word for word in “quotation marks”, at least six characters; refs hold the document's key with row and column null.
- The premise ({verdict}) is told already; do not repeat it. Speak of these causes, which the data bears out: {causes}.
Write {language}, one or two plain sentences a claim, 6 to 14 claims in all."""


class RefReply(BaseModel):
    model_config = ConfigDict(extra="forbid")

    key: str = Field(max_length=120)
    row: int | None = None
    column: str | None = Field(default=None, max_length=80)


class ClaimReply(BaseModel):
    model_config = ConfigDict(extra="forbid")

    section: Section
    tag: Tag
    text: str = Field(min_length=1, max_length=MAX_TEXT)
    refs: list[RefReply] = Field(min_length=1, max_length=MAX_REFS)


class Reply(BaseModel):
    """The claims in the order in which they are to be read."""

    model_config = ConfigDict(extra="forbid")

    claims: list[ClaimReply] = Field(min_length=1, max_length=MAX_CLAIMS)


@dataclass(slots=True)
class Explainer:
    """Rewrites the claims of one diagnosis, if a model is there. `model` is whose words are in it, "" for ours alone."""

    asker: Asker
    model: str = ""

    def rewrite(self, evidence: Evidence, claims: list[Claim], documents: list[Document]) -> list[Claim]:
        """The model's claims that hold, with ours for the premise and for what it left out; or ours as they are."""
        if not self.asker.is_there or evidence.move.verdict == "unknown":
            return claims
        outcome = self.asker.ask(explain_task(evidence, claims, documents))
        if outcome.value is None:
            return claims
        self.model = self.asker.model_name
        return outcome.value


def explain_task(
    evidence: Evidence, claims: Sequence[Claim], documents: Sequence[Document]
) -> Task[Reply, list[Claim]]:
    """The task; its value is the whole list of claims, the model's and ours together."""
    figures = evidence.figures
    causes = [
        {
            "kind": each.kind,
            "of": each.subject,
            "direction": each.direction,
            "figure": each.figure,
            "row": each.row,
        }
        for each in evidence.causes
    ]
    prompt = PROMPT.format(
        verdict=evidence.move.verdict,
        causes=json.dumps([{key: each[key] for key in ("figure", "row", "direction")} for each in causes]),
        language="English" if evidence.subject.context.locale == "en" else "Chinese",
    )
    data = [
        ("figures", json.dumps(list(map(_figure, figures)), ensure_ascii=False)),
        ("causes", json.dumps(causes, ensure_ascii=False)),
    ]
    data += [
        (
            "document",
            json.dumps(
                {"key": each.key, "title": each.title, "content": each.content[:MAX_CONTENT]},
                ensure_ascii=False,
            ),
        )
        for each in documents
    ]

    def check(reply: Reply) -> list[Claim]:
        said = [claim for each in reply.claims if (claim := _claim(each)) is not None]
        kept, dropped = verify(said, figures, documents)
        if len(kept) < LEAST_KEPT:
            told = [
                {"text": each.claim.text[:80], "reason": each.reason, "what": each.what[:60]}
                for each in dropped[:8]
            ]
            raise Wrong(code="UNPROVEN", problem="too few claims hold", dropped=told)
        # Those that do not hold go along to be counted: `compose` drops them.
        return [*_together(kept, claims, evidence), *(each.claim for each in dropped)]

    return Task(name="diagnosis", prompt=prompt, data=data, reply=Reply, check=check, max_tokens=MAX_TOKENS)


def _figure(figure: Figure) -> dict[str, Any]:
    columns = [{"key": each.key, "name": each.name, "unit": each.unit} for each in figure.columns]
    return {
        "key": figure.key,
        "title": figure.title,
        "columns": columns,
        "rows": [list(row) for row in figure.rows[:MAX_ROWS]],
    }


def _claim(said: ClaimReply) -> Claim | None:
    """A claim as it could be shown; None for markup, and for a statement on data that no number backs."""
    text = " ".join(said.text.split())
    refs = tuple(Ref(each.key, each.row, each.column) for each in said.refs)
    if _MARKUP.search(text) or (said.tag == "data" and not numbers_in(readable(text))):
        return None
    return Claim(said.section, text, said.tag, refs)


def _together(kept: Sequence[Claim], ours: Sequence[Claim], evidence: Evidence) -> list[Claim]:
    """Section by section: our premise first, then the model's claims, then ours on what it has left out."""
    told = {(ref.key, ref.row) for claim in kept if claim.tag == "data" for ref in claim.refs}
    missing = {(each.figure, each.row) for each in evidence.causes} - told
    has_kb = {claim.section for claim in kept if claim.tag == "kb"}

    def parts(section: Section) -> Iterator[Claim]:
        mine = [claim for claim in ours if claim.section == section]
        yield from (claim for claim in mine if PREMISE in claim.sources)
        yield from (claim for claim in kept if claim.section == section)
        for claim in mine:
            is_left_out = claim.tag == "data" and any((ref.key, ref.row) in missing for ref in claim.refs)
            is_quoted = claim.tag == "kb" and section not in has_kb
            if (is_left_out or is_quoted) and PREMISE not in claim.sources:
                yield claim

    return [claim for section in SECTIONS for claim in parts(section)]
