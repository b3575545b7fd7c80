"""The checkout's form. The rules are the services'; here are only the fields and what the values mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import HiddenField, IntegerField, RadioField, SelectField, StringField, TelField
from wtforms.fields import SelectChoice

from app.accounts.contacts import ContactDetails
from app.accounts.models import DeliveryContact
from app.core import money
from app.core.errors import N_, DomainError, InvalidParam
from app.members.models import Store
from app.orders.placing import PlaceOrder
from app.web.i18n import current_locale, error_text

PICK_UP, DELIVERY = "online", "delivery"
NEW_CONTACT = "new"
NO_COUPON = ""
# What the services call a field, where the form calls it otherwise.
NAMES = {"credit_cents": "credit", "contact_id": "contact"}


class CheckoutForm(FlaskForm):
    """Where to, with which coupon, points and store credit. `expected_cents` is the total that was shown."""

    key = HiddenField()
    channel = RadioField(
        _l("How you get it"),
        choices=[
            SelectChoice(value=PICK_UP, label=_l("Pick up in a store")),
            SelectChoice(value=DELIVERY, label=_l("Delivery")),
        ],
        default=PICK_UP,
        validate_choice=False,
    )
    store_id = SelectField(_l("Store"), validate_choice=False)
    contact = StringField(_l("Deliver to"))
    recipient = StringField(_l("Recipient"))
    phone = TelField(_l("Phone"))
    city = StringField(_l("City"))
    address = StringField(_l("Address"))
    coupon = StringField(_l("Coupon"))
    points = IntegerField(_l("Points to use"), default=0)
    credit = StringField(_l("Store credit to use (yuan)"), default="0")
    expected_cents = HiddenField()

    def offer(self, stores: Sequence[Store], contacts: Sequence[DeliveryContact]) -> None:
        """Fill in the stores; the first contact stands preselected, or a new one where there is none."""
        self.store_id.choices = [SelectChoice(value=str(store.id), label=_title(store)) for store in stores]
        known = {str(contact.id) for contact in contacts}
        if self.contact.data not in (*known, NEW_CONTACT):
            self.contact.data = str(contacts[0].id) if contacts else NEW_CONTACT

    def read_points(self) -> int:
        """Raises InvalidParam when it is no whole number."""
        if self.points.errors or self.points.process_errors:
            raise InvalidParam(fields={"points": N_("Enter a whole number.")})
        return self.points.data or 0

    def read_credit(self) -> int:
        """Cents. Raises InvalidParam when it is no amount."""
        try:
            credit = money.cents((self.credit.data or "0").strip() or "0")
        except (ValueError, ArithmeticError) as error:
            raise InvalidParam(fields={"credit": N_("Enter an amount such as 12.50.")}) from error
        if abs(credit) > money.MAX_CENTS:
            raise InvalidParam(fields={"credit": N_("Enter an amount such as 12.50.")})
        return credit

    def to_request(self) -> PlaceOrder:
        """What the customer asks for. Raises InvalidParam."""
        is_delivery = self.channel.data == DELIVERY
        is_new = is_delivery and self.contact.data == NEW_CONTACT
        return PlaceOrder(
            coupon_code=self.coupon.data or None,
            store_id=_whole(self.store_id.data, "store_id"),
            channel=DELIVERY if is_delivery else PICK_UP,
            contact_id=_whole(self.contact.data, "contact") if is_delivery and not is_new else None,
            new_contact=self._typed_contact() if is_new else None,
            points=self.read_points(),
            credit_cents=self.read_credit(),
            expected_cents=_whole(self.expected_cents.data, "expected_cents"),
            idempotency_key=self.key.data,
            accept_changes=True,
        )

    def _typed_contact(self) -> ContactDetails:
        return ContactDetails(
            recipient=self.recipient.data or "",
            phone=self.phone.data or "",
            city=self.city.data or "",
            address=self.address.data or "",
        )

    def show_error(self, error: DomainError) -> None:
        """Put a refusal beside its fields, or above the form."""
        named = {NAMES.get(name, name): text for name, text in error.fields.items()}
        for name, text in named.items():
            if name in self:
                self[name].errors = [*self[name].errors, gettext(text)]
        if (
            not named
            or not all(name in self for name in named)
            or error.message != InvalidParam.default_message
        ):
            self.form_errors.append(error_text(error))


def _title(store: Store) -> str:
    """City and name in the reader's language."""
    if current_locale() == "en":
        return f"{store.city_en} · {store.name_en}"
    return f"{store.city} · {store.name}"


def _whole(value: Any, name: str) -> int | None:
    """A number up to what the database holds; None stays None. Raises InvalidParam."""
    if value in (None, ""):
        return None
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) < 2**31):
        raise InvalidParam(fields={name: N_("Please choose.")})
    return int(text)
