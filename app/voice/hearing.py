"""What a recogniser hands over, made readable: fillers out, words that only sound like the shop's put right."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from app.language.lexicon import lexicon
from app.language.normalise import is_cjk, normalise

MAX_CHARS = 400
_FILLERS_ZH = re.compile(
    r"(?:嗯+|呃+|(?:^|(?<=[,，。 ]))额+|唔+|哎+呀?|欸|诶|啊+(?=[,，。 ]|$)|那个(?=[,，。 呃嗯额]|那个|就是)|这个(?=[,，。 呃嗯额]|这个)|就是说|怎么说呢|"
    r"(?:^|(?<=[,，。 ]))(?:就是|然后呢|那什么|我说|我想想|让我想想|喂|你好|您好)(?=[,，。 ]|$))[,，。 ]*"
)
_FILLERS_EN = re.compile(
    r"(?<![a-z'])(?:u+h+m*|u+m+|e+r+m*|h+m+|ah+|like(?=,)|you know(?=,|$| what)|i mean(?=,? (?:uh|um))|let me see|let's see|"
    r"okay so|ok so|so(?=,)|well(?=,)|hey(?=,| shop| there)(?: shop| there)?|basically|actually(?=,? (?:can|could|please)))(?![a-z'])[, ]*"
)
_STUTTER_EN = re.compile(r"(?<![a-z'])([a-z']+)(?: \1(?![a-z']))+")
_STUTTER_ZH = re.compile(r"(我要|我想|帮我|给我|加|来|买|请)(?:[,，、 ]*\1)+(?!点|看)")
# Thanks at the end of a wish; where nothing else is said they stay.
_THANKS = re.compile(
    r"(?<=.)[,，。 ]*(?:谢谢(?:你|您|啦|了)?|多谢|thanks(?: a lot| so much)?|thank you(?: very much| so much)?|cheers)$"
)
_SHORT_FORMS = (
    (re.compile(r"(提交|清空|取消|删除|移除|打开|查看)一下"), r"\1"),
    (
        re.compile(
            r"(?<![a-z])(?:chuck|sling|bung|lob|fling)(?= (?:me |us )?(?:an?|one|two|three|four|five|some|the|\d))"
        ),
        "put",
    ),
    (re.compile(r"(?<![a-z])(i'd|i would) love(?! to know)(?![a-z])"), r"\1 like"),
    (
        re.compile(
            r"(?<![a-z])(?:ring|hook|set|sort) (?:me |us )?(?:up|out)(?: with)? (?=(?:an?|one|two|three|some|the|\d)\b)"
        ),
        "get me ",
    ),
    # 结一下账, 下个单, 买个单: the word with something put in between.
    (re.compile(r"(结|买|埋|下)(?:一?下|一?个|了)(账|帐|单)"), r"\1\2"),
    (re.compile(r"(?<!到)(?<!进)加购物车(?!里)|加购(?!物)"), "加到购物车"),
    # "Add to hand creams" is "add two hand creams", unless it goes on with what one adds to.
    (
        re.compile(
            r"(?<![a-z])(add|buy|get|take|order|want|need) (?:to|too)(?= (?!(?:my|the|cart|basket|bag|it|that|this|be|go|know|see|buy|check|talk|speak|order)\b)[a-z])"
        ),
        r"\1 two",
    ),
    (
        re.compile(
            r"(?<![a-z])(add|buy|get|take|order|want|need) for(?= (?!(?:my|me|the|a|an|him|her|them|us|it)\b)[a-z])"
        ),
        r"\1 four",
    ),
)
# The shortest word that is taken by its sound alone: of single characters there are too many.
_SHORTEST, _LONGEST = 2, 5
_SMALL_WORDS = frozenset("把我你他她它们的了要给来加在再帮请和与吗呢吧是有没个这那就都也不去想买看说到从对")
# What one says to a shop beside its goods.
_SAID_ZH = [
    "购物车",
    "下单",
    "结账",
    "结算",
    "提交订单",
    "订单",
    "优惠券",
    "取消订单",
    "清空购物车",
    "移除",
    "删掉",
    "去掉",
    "加入",
    "加到",
    "确认",
    "取消",
    "转人工",
    "顾问",
    "门店",
    "多少钱",
    "还有货",
    "有货吗",
    "数量",
    "改成",
    "换成",
    "成交额",
    "客单价",
    "复购率",
    "订单数",
    "支付成功率",
    "最近",
    "销售额",
    "查看",
    "推荐",
]


def heard(text: str) -> str:
    """The utterance in the form that all rules are written for, without what carries no meaning."""
    said = normalise(text)[:MAX_CHARS]
    for pattern in (_FILLERS_ZH, _FILLERS_EN):
        said = pattern.sub("", said)
    for pattern, word in _SHORT_FORMS:
        said = pattern.sub(word, said)
    said = _STUTTER_ZH.sub(r"\1", _STUTTER_EN.sub(r"\1", said)).strip(" ,.;!?~")
    said = _THANKS.sub("", said) or said
    return put_right(said) or normalise(text)[:MAX_CHARS]


@lru_cache(maxsize=2_048)
def put_right(said: str) -> str:
    """Words that sound like a word of the shop and are none themselves: 购物侧 -> 购物车, 防晒双 -> 防晒霜."""
    if not any(is_cjk(char) for char in said):
        return said
    sounds, position, made = _sounds_of(said), 0, ""
    while position < len(said):
        word = _word_at(said, sounds, position)
        made += word or said[position]
        position += len(word) if word else 1
    return made


def _word_at(said: str, sounds: list[str], position: int) -> str:
    """The known word that begins here, by its characters or by its sound; "" where there is none."""
    for length in range(_LONGEST, _SHORTEST - 1, -1):
        piece = said[position : position + length]
        if len(piece) < length or not all(is_cjk(char) for char in piece):
            continue
        if piece in _vocabulary():
            return piece
        meant = _by_sound().get(tuple(sounds[position : position + length]))
        if meant and _is_near(piece, meant):
            return meant
    return ""


def _is_near(piece: str, meant: str) -> bool:
    """A recogniser that errs gets most of a word right, and never puts a word's part for one of the small words."""
    wrong = [heard for heard, word in zip(piece, meant, strict=True) if heard != word]
    return len(wrong) <= 2 and len(wrong) < len(meant) and not _SMALL_WORDS & set(wrong)


@cache
def _vocabulary() -> frozenset[str]:
    """The shop's Chinese words of two to five characters."""
    concepts = (trigger for concept in lexicon().concepts.values() for trigger in concept.triggers)
    words = {word for word in (*concepts, *_SAID_ZH) if all(is_cjk(char) for char in word)}
    return frozenset(word for word in words if _SHORTEST <= len(word) <= _LONGEST)


@cache
def _by_sound() -> dict[tuple[str, ...], str]:
    found: dict[tuple[str, ...], str] = {}
    for word in sorted(_vocabulary(), key=lambda each: (each not in _SAID_ZH, each)):
        found.setdefault(tuple(_sounds_of(word)), word)
    return found


def _sounds_of(text: str) -> list[str]:
    """The toneless pinyin of each character, what recognisers confuse made equal; other characters as they are.

    Of a character with several readings the commonest counts: words are compared, not poems.
    """
    return [_alike(_pinyin(char)) if is_cjk(char) else char for char in text]


@lru_cache(maxsize=8_192)
def _pinyin(char: str) -> str:
    # Its tables take a tenth of a second to load: not before somebody speaks.
    from pypinyin import lazy_pinyin

    return str(lazy_pinyin(char)[0])


def _alike(sound: str) -> str:
    """Southern and northern speakers' zh/z, sh/s, ch/c, n/l and front and back nasals are one."""
    for head, same in (("zh", "z"), ("sh", "s"), ("ch", "c")):
        if sound.startswith(head):
            sound = same + sound[2:]
    return re.sub(r"([aei])ng$", r"\1n", sound)
