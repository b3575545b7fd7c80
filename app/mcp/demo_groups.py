"""The groups of the demo shop."""

from __future__ import annotations

from app.core.actor import SYSTEM, Role
from app.mcp.queries import find_group
from app.mcp.service import NewGroup, add_tools, create_group
from app.tools.groups import ON_BEHALF_OF, READ, WRITE
from app.tools.registry import registry

# Code, name, description, roles, rights, categories of tools (none: all of them).
GROUPS = (
    (
        "system",
        "System 系统",
        "All tools, for our own programs.",
        tuple(Role),
        (READ, WRITE, ON_BEHALF_OF),
        (),
    ),
    (
        "shop",
        "Shop 商城",
        "Find products, fill the cart and order for a customer.",
        (Role.CUSTOMER,),
        (READ, WRITE, ON_BEHALF_OF),
        ("shop", "cart", "coupon", "order"),
    ),
    (
        "consultation",
        "Consultation 咨询",
        "Know customers and plan their care.",
        (Role.CONSULTANT,),
        (READ,),
        ("shop", "user", "customer", "consultation", "treatment"),
    ),
    (
        "insights",
        "Insights 经营分析",
        "Reports, diagnoses and campaign plans.",
        (Role.OPERATOR,),
        (READ,),
        ("shop", "customer", "insights"),
    ),
)


def add_demo_groups() -> list[str]:
    """Make the groups that are missing, and put tools that are new into them; the codes of the groups made.

    Must run inside a transaction.
    """
    made = []
    for code, name, description, roles, rights, categories in GROUPS:
        tools = tuple(spec.name for spec in registry if not categories or spec.category in categories)
        group = find_group(code)
        if group is None:
            new = NewGroup(
                code=code, name=name, description=description, roles=roles, rights=rights, tools=tools
            )
            create_group(SYSTEM, new)
            made.append(code)
        else:
            add_tools(group, tools)
    return made
