"""What a document of the knowledge base must be. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from app.core.errors import N_, InvalidParam

KEY = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
TAG = re.compile(r"[a-z][a-z0-9_]{1,29}")
# The first tag says what kind of document it is.
KINDS = ("metric", "diagnosis", "campaign", "risk")
MAX_TITLE, MAX_TITLE_EN, MAX_CONTENT, MAX_TAGS, MAX_KEY = 120, 160, 8_000, 12, 60
REQUIRED = N_("Please fill this in.")
TOO_LONG = N_("This is too long.")


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentText:
    """A document's content in both languages; the first of `tags` is its kind."""

    title: str
    content: str
    title_en: str
    content_en: str
    tags: tuple[str, ...]


def check_document(
    *, title: str, content: str, title_en: str, content_en: str, tags: Iterable[str]
) -> DocumentText:
    """A document within its bounds. Raises InvalidParam with the fields that are wrong."""
    wrong: dict[str, str] = {}
    texts = {
        "title": (title, MAX_TITLE),
        "content": (content, MAX_CONTENT),
        "title_en": (title_en, MAX_TITLE_EN),
        "content_en": (content_en, MAX_CONTENT),
    }
    clean = {name: text.replace("\r\n", "\n").strip() for name, (text, _) in texts.items()}
    for name, (_, longest) in texts.items():
        if not clean[name]:
            wrong[name] = REQUIRED
        elif len(clean[name]) > longest:
            wrong[name] = TOO_LONG
    cleaned_tags = tuple(dict.fromkeys(tag.strip().lower() for tag in tags if tag.strip()))
    if not cleaned_tags or cleaned_tags[0] not in KINDS:
        wrong["tags"] = N_("The first tag is one of metric, diagnosis, campaign, risk.")
    elif len(cleaned_tags) > MAX_TAGS or not all(TAG.fullmatch(tag) for tag in cleaned_tags):
        wrong["tags"] = N_("Tags are up to 12 words of small letters, digits and underscores.")
    if wrong:
        raise InvalidParam(fields=wrong)
    return DocumentText(**clean, tags=cleaned_tags)


def check_key(key: str) -> str:
    """Raises InvalidParam."""
    if not KEY.fullmatch(key) or len(key) > MAX_KEY:
        raise InvalidParam(fields={"key": N_("Use small letters, digits and hyphens, up to 60.")})
    return key
