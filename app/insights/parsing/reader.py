"""One sentence, taken apart. The order of the steps is the grammar: what is most specific is taken first."""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.insights.names import Context
from app.insights.parsing.draft import Draft
from app.insights.parsing.entities import take_concepts, take_names
from app.insights.parsing.followups import take_followup_words
from app.insights.parsing.leftovers import note_missing_stores, unknown_words
from app.insights.parsing.metric_words import sold_metric, take_metrics, take_weak_metrics
from app.insights.parsing.negation import take_negations
from app.insights.parsing.ranking import asks_for_several, take_rank
from app.insights.parsing.shape import take_shape, take_versus
from app.insights.parsing.splits import take_splits
from app.insights.parsing.text import Text
from app.insights.parsing.thresholds import take_thresholds
from app.insights.parsing.values import take_levels, take_values
from app.insights.question import TIME
from app.language.period_words import find_periods


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence read: its normalised text, what nobody took of it, and what it says. `is_business`: it is about the shop."""

    said: str
    left: str
    draft: Draft
    is_business: bool


def read(sentence: str, context: Context) -> Sentence:
    """What the sentence says, on its own."""
    text, draft = Text(sentence), Draft()
    take_followup_words(text, draft)
    take_names(text, context.names, draft)
    take_levels(text, draft)
    strong = take_metrics(text)
    _take_periods(text, context, draft)
    draft.plural = asks_for_several(text.left)
    draft.bounds = take_thresholds(text, strong)
    draft.rank = take_rank(text, strong)
    take_shape(text, draft)
    take_values(text, draft, "channel")
    note_missing_stores(text, draft)
    take_splits(text, draft)
    take_versus(text)
    weak = take_weak_metrics(text, strong)
    take_values(text, draft, "customer", "membership")
    take_concepts(text, context.names, draft)
    take_negations(text)
    said = sorted((*strong, *weak), key=lambda item: item.start)
    _imply_goods(text, draft)
    draft.metrics = list(dict.fromkeys(item.metric for item in said)) or sold_metric(text, draft)
    draft.weak = bool(weak) and not strong
    unknown_words(text, draft)
    return Sentence(text.said, text.left, draft, draft.is_business)


_EACH_CATEGORY = re.compile(r"(?:各|每|按|分)(?:个|照)?(?:品类|类目)")


def _imply_goods(text: Text, draft: Draft) -> None:
    """What sells best is a product; category sales are by category, unless something else splits them."""
    within = [part for part in draft.filters if part.dimension == "category" and part.operator == "in"]
    # 护肤类销量前5: of one category, its products.
    is_top_of_category = (
        draft.rank is not None
        and (draft.rank.count or 0) > 1
        and sum(len(part.values) for part in within) == 1
    )
    if draft.rank and (draft.rank.sold or is_top_of_category) and not draft.dimensions:
        draft.dimensions.append("product")
    if "category sales" in text.said and not draft.dimensions and not draft.filters:
        draft.dimensions.append("category")
    others = [key for key in draft.dimensions if key not in (*TIME, "category")]
    if (
        others
        and "category" in draft.dimensions
        and "品类销售额" in text.said
        and not _EACH_CATEGORY.search(text.said)
    ):
        draft.dimensions.remove("category")


# "GMV against last week" compares with the period it names, and reports the one after it.
_AGAINST = re.compile(
    r"(?:比|较|相比|对比|相较于?|比起|(?<![a-z])(?:vs\.?|versus|compared (?:to|with)|than|against|relative to)) ?(?:the )?$"
)


_EACH = re.compile(r"(?:每个?|各个?|所有|(?<![a-z])(?:every|each|all) )$")
_WEEKENDS = re.compile(r"(?:on )?个?(?:周末|weekends?)")


def _take_periods(text: Text, context: Context, draft: Draft) -> None:
    periods = find_periods(text.left, context.today)
    for found in periods:
        is_weekend = _WEEKENDS.fullmatch(text.left, found.start, found.end)
        if is_weekend and (len(periods) > 1 or _EACH.search(text.left, 0, found.start)):
            continue  # the weekends within a period, which no report counts: the word stays, and is named
        draft.against_named = draft.against_named or bool(_AGAINST.search(text.left, 0, found.start))
        draft.periods.append(found.period)
        text.blank(found.start, found.end)
