"""The documents that come with the program: `documents/<key>.md`, one file for both languages.

tags: diagnosis, aov

# zh: 客单价下降的排查
...

# en: Average order value fell: checks
...
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.insights.knowledge.rules import DocumentText, check_document

FOLDER = Path(__file__).parent / "documents"
HEADING = re.compile(r"^# (zh|en): (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class DocumentFile:
    """A document as it stands in its file, and the digest of the file."""

    key: str
    text: DocumentText
    digest: str


def read_documents(folder: Path = FOLDER) -> Iterator[DocumentFile]:
    """All documents of a folder, by name. Raises ValueError or InvalidParam for a file that is not one."""
    for path in sorted(folder.glob("*.md")):
        raw = path.read_text(encoding="utf-8")
        yield DocumentFile(path.stem, _parsed(path.name, raw), hashlib.sha256(raw.encode()).hexdigest())


def _parsed(name: str, raw: str) -> DocumentText:
    head, *parts = HEADING.split(raw)
    found = {
        language: (title.strip(), text.strip())
        for language, title, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    }
    label, _, tags = head.strip().partition(":")
    if label != "tags" or found.keys() != {"zh", "en"}:
        raise ValueError(f"{name}: a document has a line of tags, then # zh: and # en: with their texts")
    (title, content), (title_en, content_en) = found["zh"], found["en"]
    return check_document(
        title=title, content=content, title_en=title_en, content_en=content_en, tags=tags.split(",")
    )
