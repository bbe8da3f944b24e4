"""Which edits change what an answer says, whatever their author calls them: those of digits, units and
negations. Pure.

Both texts are reduced to the sequence of what could kill: numbers (in digits, in words, in Chinese, Roman
ones and fractions) with sign or comparison and the unit behind them, how often ("per day", 每周), and
negations, in order. An edit is substantive when the two sequences differ. It errs towards "substantive": a
pair too many does little harm, "5 mg" → "50 mg" taken for wording would lose the most valuable pair there
is."""

import re
import unicodedata

_BLANK = r"[ \t\u00a0\u2009\u202f\u3000]"
# Words of time and measure that are units wherever they stand, and those that are only behind a number.
_TIME = r"(?:minute|hour|day|night|week|fortnight|month|year)s?\b"
_MEASURE = r"(?:(?:milli|micro|nano|kilo|centi|deci)?(?:gram|litre|liter|metre|meter|mole)|pound|ounce|teaspoon|tablespoon)s?\b"  # noqa: E501
_COUNTED = (
    r"units?\b|(?:tablet|capsule|pill|puff|spray|vial|ampoule|sachet|patch|dose|drop|cup|inch|mile|degree)(?:e?s)?\b|f(?:oo|ee)t\b|per ?cent\b"  # noqa: E501
    r"|(?:second|quarter|time|fold|dollar|euro|yuan|thousand|million|billion)s?\b"
)
_SYMBOL = (
    r"[pfkKmMuUnNμcdhGT]?(?:g|mol|[lL]|m|Pa|IU|U|Eq|Osm|J|W|V|A|Hz|Gy|Sv|Bq|cal|Cal|kat|B)(?:\^?[23²³])?(?![A-Za-z])"
    r"|mc[gL](?![A-Za-z])|mmHg|cmH2O|bpm|[‰%°℃℉Ω$€£¥]|(?:min|sec|s|h|hr|d|wk|mo|yr|y|bp|ppm|lbs?|oz|tsp|tbsp|k|K|M|bn)(?![A-Za-z])"
)
_HAN_MEASURE = r"毫克|微克|纳克|千克|公斤|毫升|微升|分升|毫米汞柱|毫米|厘米|公里|千米|毫摩尔|微摩尔|摩尔|千帕|百分点|小时|分钟|工作日|星期|季度|万元|亿元|美元|欧元"  # noqa: E501
_HAN_COUNTED = r"百分之|千分之|克|斤|升|米|单位|元|角|秒|天|日|周|月|年|岁|次|倍|片|粒|支|滴|袋|瓶|成|度|条|款|项|级|期|型|人|名|例|万|亿|千|百"  # noqa: E501
_HAN_UNIT = rf"个?(?:{_HAN_MEASURE})|个月|{_HAN_COUNTED}"
_UNIT = rf"(?:{_SYMBOL}|(?i:{_MEASURE}|{_TIME}|{_COUNTED})|{_HAN_UNIT})"
# Behind a number a unit may stand without a blank, then any letters are one; and below a stroke any letters
# are.
_BELOW = rf"(?:{_BLANK}?[/·⋅*×]{_BLANK}?(?:[A-Za-zμ%]+[²³]?|{_HAN_UNIT}))"


def _behind(name: str) -> str:
    return rf"(?:(?:{_BLANK}*-?(?P<{name}>{_UNIT})|(?P<{name}_attached>[A-Za-zμÅ]+[²³]?))(?P<{name}_below>{_BELOW}*))?"  # noqa: E501


_DIGIT = r"[\d¹²³¼-¾⁰-₉\u2150-\u218b\u2460-\u24ff\u2776-\u2793\u3220-\u3229\u3280-\u3289]"
_NUMBER = rf"(?:[<>≤≥≦≧=±~≈+−–-]\s?)?\.?{_DIGIT}(?:{_DIGIT}|[.,:/·](?=\d))*"
_ROMAN = r"(?<![A-Za-z])(?:[IVX]{2,}(?![A-Za-z])|[IVX](?=[期级型度类])|(?:(?i:stage|grade|class|type|phase|factor|level)\s)[IVX]\b)"  # noqa: E501
_WORD = (
    r"\b(?:zero|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen"
    r"|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|hundred|thousand|million|billion|dozen|half|halve[sd]?|quarters?|seconds?|thirds?|(?:four|fif|six|seven|eigh|nin|ten)ths?"
    rf"|twice|thrice|doubled?|tripled?)\b|\bone(?={_BLANK}*-?{_UNIT})"
)
_H = "零〇一二两兩三四五六七八九十百千万萬亿億半壹贰叁肆伍陆柒捌玖拾佰仟廿卅俩仨"
_HAN_NUMBER = rf"第?[{_H}]+分之[{_H}点]+|第[{_H}]+|[{_H}]+点[{_H}]+|[{_H}]{{2,}}|[二两兩三四五六七八九俩仨]|[{_H}](?=\s?{_UNIT})"  # noqa: E501
_OFTEN = rf"\b(?:(?:a|an|each|every){_BLANK}+(?P<every>{_TIME})|per{_BLANK}+(?!cent\b)(?P<per>[a-z]+)|(?P<ly>hourly|daily|nightly|weekly|monthly|yearly|annually)\b)"  # noqa: E501
_HAN_OFTEN = rf"每{_BLANK}?个?(?P<hanper>礼拜|晚|早|顿|餐|时|{_HAN_UNIT})"
# How often, for short, and comparisons in words.
_SAID = (
    r"\b(?:[bqt]\.?i\.?d|q\.?o?\.?d|prn|stat)\b|\bat (?:least|most)\b|\b(?:more|less|fewer|greater|higher|lower|larger|smaller) than\b|\bup to\b"  # noqa: E501
    r"|大于|小于|高于|低于|多于|少于|超过|不足|以上|以下|以内|至少|至多|最多|最少"
)
# Words in which a negating character negates nothing, and a number counts nothing; not where another word
# begins in their midst (不同|时, 不|过敏).
_HARMLESS = (
    r"非常(?![规态温压见用备委识人])|不过(?=[，,、：:是我你您他她它这那如若在目])|不仅|不但(?!是?不)|不断(?![奶电药食根裂开线])|不同(?![意时步居床情食服用行期])|不论|特别"
    r"|别的|别人|区别|分别|级别|类别|性别|鉴别|识别|差别|个别|辨别|告别|未来(?![院诊就复看电函过])|无论|莫名|差不多|是否|万一|十分(?![之钟])|千万(?=[不别勿要记])"
)
_NEGATION = (
    r"\b(?:no|not|never|none|nobody|nothing|nowhere|neither|nor|without|cannot|unless|except|hardly|contraindicated|avoid)\b|(?<![A-Za-z])[A-Za-z]+n['’]t\b"
    r"|\bnon-?(?!etheless)[a-z]{2,}|\bun(?!d(?:er|ul)|i[tovqfslc]|less\b|til\b|cle|guent)[a-z]{3,}"
    r"|\bin(?:ability|accura|active|adequa|advisab|appropria|capab|compatib|complete|consisten|correct|effective|eligib|frequent|sensitiv|significan|sufficien"
    r"|toleran|valid)[a-z]*|\b(?:im(?:possib|proper|permissib)|ir(?:regular|relevant|reversib)|il(?:legal|licit|logical)|dis(?:allow|agree|approv|continu))[a-z]*"
    r"|不|没|無|无|非|未|勿|莫|别|禁|忌|否|毋|免"
)
_TOKENS = re.compile(
    rf"(?P<harmless>{_HARMLESS})|(?P<said>(?i:{_SAID}))|(?P<number>{_NUMBER}|{_ROMAN}){_behind('unit')}"
    rf"|(?P<often>(?i:{_OFTEN})|{_HAN_OFTEN})|(?P<han>{_HAN_NUMBER}){_behind('hanunit')}"
    rf"|(?P<word>(?i:{_WORD}))(?:{_BLANK}*-?(?P<wordunit>{_UNIT})(?P<wordunit_below>{_BELOW}*))?"
    rf"|(?P<alone>\b(?i:{_TIME}|{_MEASURE})|(?<![A-Za-z])(?:[kmnμ]g|mcg|[md]L|ml|[mnμ]?mol|mmHg|IU)(?![A-Za-z])|{_HAN_MEASURE})(?P<alone_below>{_BELOW}*)"
    rf"|(?P<neg>(?i:{_NEGATION}))",
    re.ASCII,  # an English word begins behind a Chinese one, too
)
_GROUPED = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_CURRENCY = re.compile(r"[$€£¥](?=\s?\d)")
_LY = {
    "hourly": "hour",
    "daily": "day",
    "nightly": "night",
    "weekly": "week",
    "monthly": "month",
    "yearly": "year",
    "annually": "year",
}
_SAME = {"天": "日", "星期": "周", "礼拜": "周"}
_WORD_UNIT = re.compile(rf"(?:{_TIME}|{_MEASURE}|{_COUNTED})\Z", re.IGNORECASE | re.ASCII)


def _one_width(text: str) -> str:
    """`text` in NFC, with full-width signs, the digits of all scripts and the squares of units (㎎) as the
    characters they stand for."""
    folded = [
        c if c < "\u0600" else str(unicodedata.decimal(c)) if c.isdecimal() else _signs(c) for c in text
    ]
    return unicodedata.normalize("NFC", "".join(folded)).replace("µ", "μ")


def _signs(c: str) -> str:
    return unicodedata.normalize("NFKC", c) if "\uff01" <= c <= "\uffe6" or "\u3300" <= c <= "\u33ff" else c


def _unit(text: str) -> str:
    """Units that are words, in the singular and small; all others by their letters: Mg is not mg."""
    return text.lower().removesuffix("s") if _WORD_UNIT.match(text) else text


def sensitive(text: str) -> list[str]:
    """The numbers, units and negations of `text`, in order, each as one string."""
    text = _one_width(text)
    found = [(m.start(), m.group()) for m in _CURRENCY.finditer(text)]

    def put(m: re.Match, *names: str) -> None:
        """The unit that stands behind a number, and what is below its stroke."""
        for name in names:
            if m[name]:
                found.append((m.start(name), _unit(m[name])))
        if m[f"{names[0]}_below"]:
            at = m.start(f"{names[0]}_below")
            found.append((at, "".join(m[f"{names[0]}_below"].split())))

    for m in _TOKENS.finditer(text):
        if m["number"]:
            number = _GROUPED.sub("", "".join(m["number"].split())).replace("−", "-").replace("–", "-")
            found.append((m.start("number"), re.sub(r"(?<!\d)\.(?=\d)", "0.", number)))
            put(m, "unit", "unit_attached")
        elif m["han"]:
            found.append((m.start("han"), m["han"]))
            put(m, "hanunit", "hanunit_attached")
        elif m["word"]:
            found.append((m.start("word"), m["word"].lower()))
            put(m, "wordunit")
        elif m["often"]:
            unit = m["every"] or m["per"] or m["ly"] or m["hanper"].removeprefix("个")
            found.append((m.start("often"), "/" + _LY.get(unit.lower(), _SAME.get(unit, _unit(unit)))))
        elif m["alone"]:
            put(m, "alone")
        elif m["said"]:
            found.append((m.start("said"), m["said"].lower()))
        elif m["neg"]:
            found.append(
                (m.start("neg"), "n't" if m["neg"].lower().endswith(("n't", "n’t")) else m["neg"].lower())
            )
    return [token for _, token in sorted(found)]


def always_substantive(old: str, new: str) -> bool:
    """Whether the edit from `old` to `new` touches a digit, a unit or a negation."""
    return sensitive(old) != sensitive(new)
