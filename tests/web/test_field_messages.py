"""What is wrong with a field is said in the reader's language."""

import pytest
from flask import Flask
from flask_babel import force_locale
from pydantic import BaseModel, Field, ValidationError

from app.web.field_messages import TEXTS, field_messages


class Wish(BaseModel):
    sku: str = Field(max_length=3)
    quantity: int = Field(ge=1)


def findings(**values: object) -> dict[str, str]:
    with pytest.raises(ValidationError) as caught:
        Wish.model_validate(values)
    return field_messages(caught.value)


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        ("en", {"sku": "At most 3 characters.", "quantity": "At least 1."}),
        ("zh", {"sku": "最多3个字符。", "quantity": "至少为1。"}),
    ],
)
def test_bounds_are_named(app: Flask, locale: str, expected: dict[str, str]) -> None:
    with app.test_request_context(), force_locale(locale):
        assert findings(sku="long", quantity=0) == expected


def test_no_message_is_left_in_english_on_a_chinese_page(app: Flask) -> None:
    with app.test_request_context(), force_locale("zh"):
        from flask_babel import gettext

        assert [text for text in TEXTS.values() if gettext(text) == text] == []
