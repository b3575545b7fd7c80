"""The texts of what a shop would mail, by topic.

A text is a subject and sentences. A sentence is left out when a value it names is missing or empty, or when
its condition does not hold, so a publisher may send more or less. `x_cents` is used as `%(x)s` (yuan,
"¥12.00"), `x_at` (ISO 8601) as a moment in the shop's zone, a list (of texts, or of products with their
`kept` pieces) as its items.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.core.errors import N_

PLACE = re.compile(r"%\((\w+)\)s")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence (a msgid); with `when` only if the value of that name is the given one."""

    text: str
    when: tuple[str, Any] | None = None

    def fits(self, values: Mapping[str, Any]) -> bool:
        """True when everything it needs is there."""
        if self.when is not None and values.get(self.when[0]) != self.when[1]:
            return False
        return all(name in values for name in PLACE.findall(self.text))


@dataclass(frozen=True, slots=True)
class Text:
    """Subject and sentences (msgids), an icon of the icon set, where a link leads and what it is called."""

    subject: str
    sentences: tuple[Sentence, ...]
    icon: str = "message"
    link: str = "/account/messages"
    link_label: str = N_("Open")


ORDER = "/orders/%(order_id)s"
SEE_ORDER = N_("See the order")
REPORT = "/ops/reports/%(report_id)s"
SEE_REPORT = N_("See the report")

TEXTS: dict[str, Text] = {
    "account.registered": Text(
        N_("Welcome to Chengmei"),
        (
            Sentence(N_("Your account %(username)s is ready.")),
            Sentence(N_("Every order earns points, and your coupons wait in your account.")),
        ),
        icon="sparkle",
        link="/coupons",
        link_label=N_("See your coupons"),
    ),
    "order.placed": Text(
        N_("We have your order %(order_id)s"),
        (
            Sentence(N_("Total: %(total)s.")),
            Sentence(N_("You saved %(discount)s.")),
            Sentence(N_("Please pay by %(expires_at)s; after that the goods go back on the shelf.")),
        ),
        icon="box",
        link=ORDER,
        link_label=SEE_ORDER,
    ),
    "order.paid": Text(
        N_("Order %(order_id)s is paid"),
        (
            Sentence(N_("We have received %(total)s.")),
            Sentence(N_("You earned %(points)s points.")),
            Sentence(N_("We will prepare it now.")),
        ),
        icon="check-circle",
        link=ORDER,
        link_label=SEE_ORDER,
    ),
    "order.payment_failed": Text(
        N_("The payment of order %(order_id)s did not go through"),
        (
            Sentence(N_("Nothing was charged. Your goods are still reserved; you can try again.")),
            Sentence(N_("Please pay by %(expires_at)s; after that the goods go back on the shelf.")),
        ),
        icon="info",
        link=ORDER,
        link_label=N_("Try again"),
    ),
    "order.cancelled": Text(
        N_("Order %(order_id)s is cancelled"),
        (
            Sentence(N_("It was not paid in time."), when=("reason", "expired")),
            Sentence(N_("You cancelled it."), when=("reason", "customer")),
            Sentence(N_("The store cancelled it."), when=("reason", "staff")),
            Sentence(N_("Points and store credit you had used are back in your account.")),
        ),
        icon="close",
        link=ORDER,
        link_label=SEE_ORDER,
    ),
    "order.refunded": Text(
        N_("A refund for order %(order_id)s"),
        (
            Sentence(N_("We have paid back %(amount)s.")),
            Sentence(N_("Of this, %(credit)s went to your store credit.")),
            Sentence(N_("%(points)s points were returned.")),
        ),
        icon="refresh",
        link=ORDER,
        link_label=SEE_ORDER,
    ),
    "cart.merged": Text(
        N_("Your cart was put together"),
        (
            Sentence(N_("What you picked before signing in is now in your cart.")),
            Sentence(N_("There was not enough of everything; we kept what there is: %(lines)s.")),
        ),
        icon="bag",
        link="/cart",
        link_label=N_("See cart"),
    ),
    "automation.alert": Text(
        N_("A welcome failed: %(username)s"),
        (
            Sentence(N_("Step %(step)s failed for the last time: %(error)s.")),
            Sentence(N_("The customer has the welcome template. Run it again when the cause is mended.")),
        ),
        icon="alert",
        link="/admin/automation/runs/%(run_id)s",
        link_label=N_("See the run"),
    ),
    "agent.alert": Text(
        N_("The AI agent %(agent)s needs you"),
        (
            Sentence(N_("Its service refuses the requests (HTTP %(status)s).")),
            Sentence(N_("Its address leads to where nothing may be sent."), when=("kind", "address")),
            Sentence(
                N_("Its key cannot be opened, since SECRET_KEY was changed. Enter it again."),
                when=("kind", "key"),
            ),
            Sentence(N_("It gives no answers until this is mended.")),
        ),
        icon="alert",
        link="/admin/agents",
        link_label=N_("See the agents"),
    ),
    "report.ready": Text(
        N_("Your report “%(name)s” is ready"),
        (Sentence(N_("It shows %(first_day)s to %(last_day)s.")),),
        icon="chart",
        link=REPORT,
        link_label=SEE_REPORT,
    ),
    "report.failed": Text(
        N_("Your report “%(name)s” could not be made"),
        (Sentence(N_("It was tried three times. It will be tried again when it is due next.")),),
        icon="alert",
        link=REPORT,
        link_label=SEE_REPORT,
    ),
    "report.alert": Text(
        N_("Alert: %(metric)s in your report “%(name)s”"),
        (
            Sentence(N_("%(metric)s is %(figure)s, below %(bound)s."), when=("comparator", "lt")),
            Sentence(N_("%(metric)s is %(figure)s, at or below %(bound)s."), when=("comparator", "le")),
            Sentence(N_("%(metric)s is %(figure)s, above %(bound)s."), when=("comparator", "gt")),
            Sentence(N_("%(metric)s is %(figure)s, at or above %(bound)s."), when=("comparator", "ge")),
            Sentence(N_("That is from %(first_day)s to %(last_day)s.")),
            Sentence(N_("You are told again once it has been back in between.")),
        ),
        icon="alert",
        link=REPORT,
        link_label=SEE_REPORT,
    ),
}
