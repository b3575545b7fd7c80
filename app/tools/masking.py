"""Taking secrets and personal data out of what is kept: by the name of a field, and inside of any text. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

MASK = "***"
SECRET_NAME = re.compile(
    r"pass(word|wd|phrase|code)|pwd|secret|token|credential|api_?key|private_?key|authorization|cookie"
    r"|phone|mobile|e_?mail|address|recipient|id_?card|id_?number|wechat|weixin|openid|birth"
    r"|手机|电话|邮箱|地址|收件人|收货人|密码|口令|身份证|微信|生日",
    re.IGNORECASE,
)
MOBILES = range(13_000_000_000, 20_000_000_000)

# Each pattern with what a text must have in it for the pattern to be worth trying, in lower case. The texts may be
# JSON: a backslash and the letter after it are never torn apart.
_START = r"(?:(?<![A-Za-z0-9\\])|(?<=\\[nrt\\]))"
_SIGNED: tuple[tuple[tuple[str, ...], re.Pattern[str]], ...] = (
    (
        ("mcp_", "sk-", "gh", "xox"),
        re.compile(_START + r"(?:mcp_[a-z]{2,8}_|sk-|gh[pousr]_|xox[abprs]-)[\w-]{6,}"),
    ),
    (("eyj",), re.compile(_START + r"eyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?")),
    (("bearer", "basic"), re.compile(rf"(?i)(?P<kept>{_START}(?:bearer|basic)\s{{1,4}})[\w.~+/=-]{{6,}}")),
    (("@",), re.compile(r"(?P<kept>://[^\s/:@\"]{0,64}:)[^\s/@\"]{1,128}(?=@)")),
    (
        ("@",),
        re.compile(_START + r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,6}"),
    ),
    (
        ("pass", "pwd", "secret", "token", "key", "密码", "口令"),
        re.compile(
            r"(?i)(?P<kept>(?:pass(?:word|wd)?|pwd|secret|token|api[_-]?key|密码|口令)"
            r"(?:\\?[\"'])?\s{0,4}(?:[:=\uff1a]|是|为)\s{0,4}(?:\\?[\"'])?)(?:\\[^\"n]|[^\s\"',;&\uff0c。\uff1b\\]){1,200}"
        ),
    ),
)
_DIGITS = re.compile(r"\d[\d -]{9}")
_NUMBERS = (
    # An identity card: place, birthday, number, check digit.
    re.compile(
        _START + r"[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![\dA-Za-z])"
    ),
    # A bank card.
    re.compile(r"(?<![\d.])(?:62|4\d|5[1-5])\d{2}(?:[ -]?\d{4}){3}(?:[ -]?\d{1,3})?(?![\d.])"),
    # A Chinese mobile number.
    re.compile(r"(?<![\d.])(?:(?:\+|00)?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?![\d.]?\d)"),
)


def masked(value: Any) -> Any:
    """The same JSON value without what its names tell to be secret or personal, and without mobile numbers."""
    if isinstance(value, dict):
        return {key: MASK if _is_secret(str(key)) else masked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item) for item in value]
    return MASK if isinstance(value, int) and value in MOBILES else value


def mask_text(text: str) -> str:
    """A text with keys, passwords, e-mail addresses, mobile, card and identity numbers replaced by ***.

    JSON stays JSON when `masked` has seen the value before. For texts of some thousand characters.
    """
    low = text.lower()
    for signs, pattern in _SIGNED:
        if any(sign in low for sign in signs):
            text = pattern.sub(_keep, text)
    if _DIGITS.search(text):
        for pattern in _NUMBERS:
            text = pattern.sub(MASK, text)
    return text


@lru_cache(maxsize=4_096)
def _is_secret(name: str) -> bool:
    return SECRET_NAME.search(name[:200]) is not None


def _keep(found: re.Match[str]) -> str:
    return (found.groupdict().get("kept") or "") + MASK
