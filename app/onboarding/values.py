"""The settings of the automation with their bounds, and templates with their variables. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.core.errors import N_

VARIABLES = ("username", "store", "level", "products", "coupon")
PLACE = re.compile(r"\{\s*([A-Za-z_]*)\s*\}")
MAX_TEMPLATE = 2_000
Strategy = Literal["agent", "template"]
STRATEGIES: tuple[Strategy, ...] = ("agent", "template")
Assignment = Literal["claim_first", "round_robin", "least_loaded"]
CLAIM_FIRST, ROUND_ROBIN, LEAST_LOADED = ASSIGNMENTS = ("claim_first", "round_robin", "least_loaded")

TEMPLATE_ZH = """{username}，你好，欢迎来到澄美。

{products}

{coupon}

想找什么、问什么，直接在这里说就行：我可以帮你挑商品、看优惠、加购物车、查订单。想和真人顾问聊，说一声“找顾问”。"""
TEMPLATE_EN = """Hello {username}, welcome to Chengmei.

{products}

{coupon}

Just say here what you are looking for: I can find products, look up coupons, fill the cart and follow orders. To talk to a person, say "consultant"."""


def _template(text: str) -> str:
    text = text.replace("\r\n", "\n").strip()
    if not text:
        raise ValueError(N_("Write what the customer is to read."))
    if any(ord(char) < 32 and char not in "\n\t" for char in text):
        raise ValueError(N_("Characters that cannot be seen are not allowed."))
    if any(name not in VARIABLES for name in PLACE.findall(text)):
        raise ValueError(
            N_("Only these places can be filled: {username}, {store}, {level}, {products}, {coupon}.")
        )
    return text


Flag = Annotated[bool, Field(strict=True)]
Template = Annotated[str, Field(max_length=MAX_TEMPLATE), AfterValidator(_template)]
Pause = Annotated[int, Field(ge=1, le=3_600)]


class Values(BaseModel):
    """All settings. `retry_seconds` are the pauses before the second, third ... attempt.

    `assignment` says whom a waiting customer is offered to, for `offer_seconds`; a consultant with `busy_at` customers (0:
    no bound) gets no more.
    """

    model_config = ConfigDict(extra="forbid")

    enabled: Flag = True
    rollout_percent: int = Field(100, ge=0, le=100)
    strategy: Strategy = "agent"
    agent_seconds: float = Field(2.0, ge=0.5, le=60, allow_inf_nan=False)
    product_count: int = Field(3, ge=0, le=6)
    retry_seconds: list[Pause] = Field([5, 15, 60], max_length=10)
    notifications: Flag = True
    channel_in_app: Flag = True
    channel_web_push: Flag = True
    channel_email: Flag = True
    assignment: Assignment = "claim_first"
    offer_seconds: int = Field(60, ge=5, le=3_600)
    busy_at: int = Field(5, ge=0, le=100)
    escalate_minutes: int = Field(5, ge=1, le=1_440)
    escalate_admin_minutes: int = Field(15, ge=1, le=1_440)
    template_zh: Template = TEMPLATE_ZH
    template_en: Template = TEMPLATE_EN

    def template(self, locale: str) -> str:
        """The welcome in a language."""
        return self.template_en if locale == "en" else self.template_zh


def fill(template: str, values: Mapping[str, Any]) -> str:
    """The template with its places filled; a paragraph that comes out empty is left out."""
    text = PLACE.sub(lambda match: str(values.get(match.group(1), "")), template)
    return "\n\n".join(part.strip() for part in re.split(r"\n\s*\n", text) if part.strip())
