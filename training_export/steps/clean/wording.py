"""Answers that refuse, that repeat themselves, and that are in another language than their question. Pure."""

import re

from core.rendering.language import count_han, guess
from training_export.steps.clean.structure import without_fences

NGRAM = 10  # characters; whole phrases that come again, not words
SHORTEST_REPEATING = 40  # characters; in less, too little can come again
SHORTEST_ANSWER = 20  # characters; a name or an abbreviation is in no language
LONGEST_REFUSAL = 500  # characters; an answer that goes on after saying no has said something
_BLANKS = re.compile(r"\s+")
_LATIN = re.compile("[A-Za-z]")
_WORD = re.compile("[A-Za-z]+")
FEWEST_WORDS = 12  # in less, code, JSON and names of things cannot be told from English
_ASKS_FOR_LANGUAGE = re.compile(
    r"翻译|译成|译为|英译|汉译|中译|英文|英语|中文|汉语|双语|润色|translat|english|chinese|mandarin|bilingual",
    re.IGNORECASE,
)
_CANNOT_ZH = (
    r"(?:无法|不能|没法|没有?办法|不便|难以|不可以)(?:直接|继续|向您|为您|给您|向你|为你|给你|就此|对此){0,3}"
)
_HELP_ZH = (
    r"(?:回答|回应|回复|提供|帮助?|协助|满足|完成|处理|给出|讨论|生成|创作|执行|支持|参与|透露|分享|撰写|写)"
)
_REFUSAL_ZH = re.compile(
    rf"(?:(?:很|非常|十分|真的)?(?:抱歉|对不起|遗憾|不好意思)[，,。.！!\s]*[^。！!\n]{{0,25}}?{_CANNOT_ZH}{_HELP_ZH}"
    rf"|作为(?:一个|一名|一款)?\s?(?:AI|人工智能|(?:大型?)?语言模型|智能|虚拟)[^。！!\n]{{0,30}}?{_CANNOT_ZH}"
    rf"|我{_CANNOT_ZH}{_HELP_ZH}|(?:您|你)的(?:问题|请求|提问)[^。！!\n]{{0,20}}?{_CANNOT_ZH}{_HELP_ZH})",
    re.IGNORECASE,
)
_CANNOT_EN = (
    r"(?:can(?:no|')?t|can not|won't|will not|am (?:unable|not able)(?: to)?|'m (?:unable|not able)(?: to)?"
    r"|must decline|have to decline|do not feel comfortable|don't feel comfortable)"
)
_HELP_EN = (
    r"(?:to |with )?(?:help|assist|provide|answer|comply|fulfil|fulfill|discuss|create|generate|write|do that"
    r"|do this|engage|support|offer|give|share|respond|continue|participate|be able to|providing|helping)"
)
_REFUSAL_EN = re.compile(
    rf"(?:(?:i'm|i am|we're|we are)?\s?(?:very |so |really |truly |deeply )?(?:sorry|afraid)"
    rf"|(?:my )?apolog(?:ies|ise|ize)|i apolog(?:ise|ize)|unfortunately)[^.!\n]{{0,40}}?"
    rf"\b(?:i|we)\s?{_CANNOT_EN} {_HELP_EN}|(?:i|we)\s?{_CANNOT_EN}(?: {_HELP_EN}\b| to\b|[.,])"
    rf"|as an (?:ai|artificial intelligence|language model)[^.!\n]{{0,60}}?\b(?:i|we)\s?{_CANNOT_EN}",
    re.IGNORECASE,
)


def repeated_share(text: str) -> float:
    """The share of the runs of ten characters of `text` that stood in it before, 0 for a short one. Blanks do
    not count: the indents of code are no repetition."""
    line = _BLANKS.sub("", text)
    if len(line) < SHORTEST_REPEATING:
        return 0.0
    total = len(line) - NGRAM + 1
    return 1 - len({line[i : i + NGRAM] for i in range(total)}) / total


def is_refusal(answer: str) -> bool:
    """Whether `answer` begins with saying that it will not answer, in Chinese or English, and ends soon after
    that."""
    begins = answer.strip()
    if len(begins) > LONGEST_REFUSAL:
        return False
    begins = begins.replace("’", "'")
    return _REFUSAL_ZH.match(begins) is not None or _REFUSAL_EN.match(begins) is not None


def other_language(question: str, answer: str) -> bool:
    """Whether a Chinese question is answered in English or an English one in Chinese, where nothing in the
    question asks for it: it neither speaks of a language nor holds a text in the other one. Code does not
    count."""
    answer = without_fences(answer)
    if len(answer) < SHORTEST_ANSWER or _ASKS_FOR_LANGUAGE.search(question):
        return False
    asked, given = guess(question), guess(answer)
    if asked == "zh" and given == "en" and len(_WORD.findall(answer)) >= FEWEST_WORDS:
        return len(_LATIN.findall(question)) < count_han(question)
    return asked == "en" and given == "zh" and not count_han(question)
