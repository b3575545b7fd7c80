"""The console's forms."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import HiddenField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange, Optional, Regexp, ValidationError

from app.catalogue.models import Product
from app.catalogue.schemas import MAX_STOCK, SKU_PATTERN
from app.catalogue.service import MAX_RESTOCK, version_of
from app.core.money import MAX_CENTS, cents, yuan


def _trim(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


class YuanField(StringField):
    """An amount typed in yuan; `data` is cents (None when nothing was typed)."""

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return yuan(self.data).removesuffix(".00") if isinstance(self.data, int) else ""

    def process_formdata(self, valuelist: list[Any]) -> None:
        text = str(valuelist[0]).strip() if valuelist else ""
        self.data = None
        if not text:
            return
        try:
            self.data = cents(text[:20])
        except (ValueError, ArithmeticError) as error:
            raise ValidationError(_("Enter an amount in yuan, such as 139.50.")) from error


def _is_price(_form: FlaskForm, field: YuanField) -> None:
    if field.data is None or not 0 <= field.data <= MAX_CENTS:
        raise ValidationError(_("Enter a price of 0 or more."))


class EditProductForm(FlaskForm):
    """What an operator may change of a product. `version` marks what was shown."""

    name = StringField(
        _("Name in Chinese"), [InputRequired(_("Enter a name.")), Length(max=120)], filters=[_trim]
    )
    name_en = StringField(_("Name in English"), [Length(max=120)], filters=[_trim])
    category_id = SelectField(_("Category"), coerce=int)
    price_cents = YuanField(_("Price in yuan"), [_is_price])
    description = TextAreaField(_("Description in Chinese"), [Length(max=5000)], filters=[_trim])
    description_en = TextAreaField(_("Description in English"), [Length(max=5000)], filters=[_trim])
    picture = FileField(_("Picture"))
    version = HiddenField()

    def values(self) -> dict[str, Any]:
        """The fields of a product, as the service takes them."""
        names = ("name", "name_en", "category_id", "price_cents", "description", "description_en")
        return {name: self[name].data if self[name].data is not None else "" for name in names}

    def show(self, product: Product) -> None:
        """Fill the fields with a product's values and their version."""
        for name in self.values():
            self[name].data = getattr(product, name)
        self.version.data = version_of(product)


class NewProductForm(EditProductForm):
    """A new product also has its SKU and first stock."""

    sku = StringField(
        _("SKU"),
        [
            InputRequired(_("Enter a SKU.")),
            Regexp(SKU_PATTERN, message=_("Letters, digits, dots and hyphens only.")),
        ],
        filters=[_trim],
    )
    stock = IntegerField(_("Stock"), [Optional(), NumberRange(0, MAX_STOCK)], default=0)

    def values(self) -> dict[str, Any]:
        return {"sku": self.sku.data, "stock": self.stock.data or 0, **super().values()}


class RestockForm(FlaskForm):
    """Pieces that came in, or, as a negative number, went out."""

    quantity = IntegerField(
        _("Add pieces"),
        [InputRequired(_("Enter a number.")), NumberRange(-MAX_RESTOCK, MAX_RESTOCK)],
    )
