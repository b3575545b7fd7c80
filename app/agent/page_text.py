"""An answer's text as HTML: escaped first; paragraphs, lists, **bold** and links to this site, nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from html import unescape
from urllib.parse import parse_qsl

from flask_babel import format_datetime, format_time
from markupsafe import Markup, escape

from app.core.clock import now
from app.web.i18n import local_time

BLANK_LINES = re.compile(r"\n[ \t]*\n\s*")
ITEM = re.compile(r"\s{0,3}(?:(?P<bullet>[-*•])\s+|(?P<number>\d{1,3})[.)、]\s*(?=\D))(?P<text>.*)")
# Only paths of this site: what a model or a product's text says must not lead anywhere else.
LINK = re.compile(r"\[([^\[\]\n]{1,200})\]\((/(?![/\\])[^\s()\\]{0,500})\)")
BOLD = re.compile(r"\*\*([^*\n]{1,200})\*\*")
# What may stand behind a product's name in a line that its own row says better.
PRICE_TAIL = re.compile(r"[\s,，:：·|-]*[¥￥]?\s?[\d,.]*\s?元?\s*([(（][^()（）]{0,20}[)）]?)?\s*")
# Names of things that have rows of their own below the text, and how many characters of a list line that begins with
# the name are said by the row too; 0: only a price.
Shown = Mapping[str, int]
NOTHING: Shown = {}


@dataclass(slots=True)
class _Part:
    """Lines that belong together: a paragraph ("p") or a list ("ul", "ol")."""

    tag: str
    start: int = 1
    lines: list[str] = field(default_factory=list)


def split_blocks(text: str) -> list[str]:
    """The pieces between blank lines; the last one is what a running answer still writes to."""
    return BLANK_LINES.split(text.replace("\r", "").lstrip("\n"))


def render_block(block: str, shown: Shown = NOTHING, *, element_id: str = "") -> Markup:
    """One piece of `split_blocks`, in an element with the given id, without the list lines that `shown` has rows for."""
    parts = [_render_part(part) for part in _parts(block, shown)]
    mark = Markup(' id="{}"').format(element_id) if element_id else ""
    return Markup('<div class="answer-block"{}>{}</div>').format(mark, Markup("").join(parts))


def short_moment(moment: datetime) -> str:
    """When something was said: the time today, else with the date; in the shop's zone."""
    local = local_time(moment)
    if local.date() == local_time(now()).date():
        return str(format_time(local, "short", rebase=False))
    return str(format_datetime(local, "short", rebase=False))


def plain_text(text: str) -> str:
    """What to read out: without the marks."""
    return BOLD.sub(r"\1", LINK.sub(r"\1", text))


def _parts(block: str, shown: Shown) -> Iterator[_Part]:
    part: _Part | None = None
    for line in block.split("\n"):
        found = ITEM.fullmatch(line)
        if found is not None and _has_row(found["text"], shown):
            continue
        tag = "p" if found is None else "ul" if found["bullet"] else "ol"
        if part is None or part.tag != tag:
            if part is not None:
                yield part
            part = _Part(tag, int(found["number"]) if found is not None and found["number"] else 1)
        part.lines.append(line if found is None else found["text"])
    if part is not None:
        yield part


def _has_row(item: str, shown: Shown) -> bool:
    """True for a list line that says no more than a row does; also while it is still being written."""
    item = item.replace("**", "").strip()
    if not shown or not item:
        return bool(shown)
    return any(
        name.startswith(item) or (item.startswith(name) and _is_said(item[len(name) :], room))
        for name, room in shown.items()
    )


def _is_said(tail: str, room: int) -> bool:
    return len(tail) <= room if room else PRICE_TAIL.fullmatch(tail) is not None


def _render_part(part: _Part) -> Markup:
    if part.tag == "p":
        lines = [_inline(line) for line in part.lines]
        text = Markup("<br>").join(lines).strip()
        return Markup("<p>{}</p>").format(text) if text else Markup("")
    items = Markup("").join(Markup("<li>{}</li>").format(_inline(line)) for line in part.lines)
    if part.tag == "ul":
        return Markup("<ul>{}</ul>").format(items)
    return Markup('<ol start="{}">{}</ol>').format(part.start, items)


def _inline(line: str) -> Markup:
    escaped = str(escape(line))
    linked = LINK.sub(_link, escaped)
    return Markup(BOLD.sub(r"<strong>\1</strong>", linked))  # noqa: S704 - escaped above


def _link(found: re.Match[str]) -> str:
    path = found[2]
    # Who signs in from here wants to go on talking.
    if path == "/login":
        path = "/login?next=/chat"
    # A question in the address is asked without another click: no text may put words into the customer's mouth.
    place, _, query = path.partition("?")
    if any(key == "ask" for key, _ in parse_qsl(unescape(query), keep_blank_values=True)):
        path = place
    return f'<a href="{path}">{found[1]}</a>'
