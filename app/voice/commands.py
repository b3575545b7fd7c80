"""What one says to the voice itself: help, say that again, stop."""

from __future__ import annotations

import re
from typing import Literal

_COMMANDS: tuple[tuple[Literal["help", "repeat", "cancel"], re.Pattern[str]], ...] = (
    (
        "help",
        re.compile(
            r"^(?:帮助|帮忙|怎么用|怎么说|我能说什么|我可以说什么|你能做什么|你会什么|有什么功能|使用说明|help|help me|what can (?:i say|you do)|how does (?:this|it) work)$"
        ),
    ),
    (
        "repeat",
        re.compile(
            r"^(?:再说一遍|再来一遍|再读一遍|重复一遍|重复|再说一次|再念一遍|没听清|没听清楚|什么|啥|你说什么|(?:say|repeat) (?:that|it)(?: again)?|repeat|again|come again|pardon|what|what did you say|sorry what|say again)$"
        ),
    ),
    (
        "cancel",
        re.compile(
            r"^(?:停|停止|算了|取消|不用了|退出|结束|闭嘴|别说了|stop|cancel|never ?mind|forget it|quit|exit|stop it|cancel that)(?:吧|了|please)?$"
        ),
    ),
)


def command_of(said: str) -> Literal["help", "repeat", "cancel"] | None:
    """The command that the whole utterance is, if it is one."""
    plain = said.strip(" ?!,.，。？！")
    return next((name for name, pattern in _COMMANDS if pattern.match(plain)), None)
