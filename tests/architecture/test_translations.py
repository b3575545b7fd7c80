"""Chinese is complete: every marked string has a translation with the same places."""

import re
import subprocess
import sys
from pathlib import Path

from babel.messages.pofile import read_po

from app.config import PROJECT_ROOT

CATALOGUE = PROJECT_ROOT / "app" / "translations" / "zh" / "LC_MESSAGES" / "messages.po"
PLACES = re.compile(r"%\((\w+)\)[sd]")


def extract(folder: Path) -> Path:
    pot = folder / "messages.pot"
    subprocess.run(
        [
            sys.executable, "-m", "babel.messages.frontend", "-q", "extract", "-F", "babel.cfg",
            "-k", "N_", "-k", "_l", "-o", str(pot), "app", "templates",
        ],
        cwd=PROJECT_ROOT,
        check=True,
    )  # fmt: skip
    return pot


def test_every_string_is_translated(tmp_path: Path) -> None:
    with extract(tmp_path).open("rb") as stream:
        wanted = {message.id for message in read_po(stream) if message.id}
    assert len(wanted) > 300, "the extraction finds what the code marks"
    with CATALOGUE.open("rb") as stream:
        catalogue = read_po(stream, locale="zh")
    missing = []
    for msgid in wanted:
        found = catalogue.get(msgid if isinstance(msgid, str) else msgid[0])
        text = "" if found is None or found.fuzzy else found.string
        if not (text if isinstance(text, str) else all(text)):
            missing.append(msgid)
    assert sorted(map(str, missing)) == []


def test_translations_keep_their_places() -> None:
    with CATALOGUE.open("rb") as stream:
        catalogue = read_po(stream, locale="zh")
    wrong = [
        message.id
        for message in catalogue
        if isinstance(message.id, str)
        and message.id
        and message.string
        and set(PLACES.findall(message.id)) != set(PLACES.findall(message.string))
    ]
    assert wrong == []


def test_no_text_has_a_bare_percent_sign() -> None:
    """Templates format every text, also one without values: a sign that is no place would end the page with a 500."""
    with CATALOGUE.open("rb") as stream:
        texts = [
            text
            for message in read_po(stream, locale="zh")
            if message.id
            for each in (message.id, message.string)
            for text in ([each] if isinstance(each, str) else each)
        ]
    assert [text for text in texts if "%" in PLACES.sub("", text).replace("%%", "")] == []


def test_templates_hold_no_bare_words() -> None:
    """Chinese in a template, or English words between tags outside gettext, would not be translated."""
    bare = []
    for path in sorted((PROJECT_ROOT / "templates").rglob("*.html")):
        text = re.sub(r"\{#.*?#\}", "", path.read_text(encoding="utf-8"), flags=re.S)
        text = re.sub(r"\{% block body_class %\}.*?\{% endblock %\}", "", text, flags=re.S)
        text = re.sub(r"\{% trans.*?endtrans %\}|\{\{.*?\}\}|\{%.*?%\}", "", text, flags=re.S)
        text = re.sub(
            r"<(script|style|svg|title|code|pre)\b.*?</\1>|<!--.*?-->|<[^>]*>", "\n", text, flags=re.S
        )
        for line in text.splitlines():
            word = re.search(
                r"[一-鿿]|[A-Za-z]{3,}",
                line.replace("MCPShop", "").replace("Chengmei", "").replace("澄美", ""),
            )
            if word and "&" not in line and line.strip() not in ALLOWED_WORDS:
                bare.append(f"{path.name}: {line.strip()[:60]}")
    assert bare == []


# Names of languages, formats, protocols and programs, and what the call log writes.
ALLOWED_WORDS = {
    "简体中文", "English", "SKU", "中文", "API", "JSON", "OpenAPI", "·  ·  · JSON", "JSON-RPC", "JSON Schema", "curl",
    "Streamable HTTP, HTTP+SSE, stdio", "/mcp/", "assistant", "mcp:",
}  # fmt: skip
