"""The example of settings cannot drift from the settings."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import AliasChoices

from app.config import Settings

ROOT = Path(__file__).resolve().parents[2]


def test_every_variable_of_the_example_is_a_setting() -> None:
    named = re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert len(named) > 15
    assert set(named) - known_variables() == set()


def known_variables() -> set[str]:
    """The environment variables that Settings reads."""
    names = {name.upper() for name in Settings.model_fields}
    for field in Settings.model_fields.values():
        if isinstance(field.validation_alias, AliasChoices):
            names |= {str(choice).upper() for choice in field.validation_alias.choices}
    return names
