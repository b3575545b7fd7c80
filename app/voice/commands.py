"""What one says to the voice itself: help, say that again, stop."""

from __future__ import annotations

import re
from typing import Literal

_COMMANDS: tuple[tuple[Literal["help", "repeat", "cancel"], re.Pattern[str]], ...] = (
    (
        "help",
        re.compile(
            r"^(?:帮助|帮忙|怎么用|怎么说|我(?:都|还)?(?:能|可以)说(?:些|点)?(?:什么|啥)|你(?:都|还)?(?:能|会|可以)(?:帮我)?(?:做|干)?(?:些|点)?(?:什么|啥)|(?:都)?有(?:什么|哪些)功能|你?(?:有|能)(?:什么|啥)?(?:可以)?帮(?:到)?我(?:的|些什么|什么|做什么|做些什么)(?:吗)?|使用说明|"
            r"help|help me|what (?:else )?can (?:i (?:say|ask)|you do)|how does (?:this|it) work|how do i use (?:this|it))$"
        ),
    ),
    (
        "repeat",
        re.compile(
            r"^(?:再说一遍|再来一遍|再读一遍|重复一遍|重复|再说一次|再念一遍|再(?:念|讲|读|说)一(?:遍|次)|(?:没|听不)(?:听)?(?:清|清楚|见|到)|什么|啥|你?(?:刚才|刚刚)?说(?:的)?(?:什么|啥)|"
            r"(?:(?:can|could) you )?(?:please )?(?:say|repeat) (?:that|it)(?: (?:again|once more|one more time))?|repeat|again|once more|one more time|come again|pardon(?: me)?|huh|"
            r"(?:sorry )?what(?: was that| did you (?:just )?say)?|i (?:didn't|did not) (?:catch|hear|get) (?:that|it)|say (?:what|again))(?: please)?$"
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
