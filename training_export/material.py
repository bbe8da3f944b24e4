"""Which edits change what an answer says, whatever their author calls them: those of digits, units and negations. Pure.

Both texts are reduced to the sequence of what could kill: numbers (with sign or comparison and the unit behind them) and negations, in
order. An edit is material when the two sequences differ. It errs towards "material": a pair too many does little harm, "5 mg" → "50 mg"
taken for wording would lose the most valuable pair there is."""

import re
import unicodedata

_UNIT = (
    r"[kKmMuUnNµμcdhGT]?(?:g|mol|[lL]|m|Pa|IU|U|Eq|Osm|J|W|V|A|Hz|Gy|Sv|Bq|cal|Cal|B)(?:\^?[23²³])?(?![A-Za-z])"
    r"|mc[gL](?![A-Za-z])|mmHg|cmH2O|bpm|[‰%％°℃℉Ω$€£¥￥]|(?:min|sec|s|h|hr|d|wk|mo|yr|y|bp|ppm|k|K|M|bn)(?![A-Za-z])"
    r"|(?:milli|micro|nano|kilo|centi)?(?:gram|litre|liter|metre|meter|mole)s?\b|units?\b|tablets?\b|drops?\b|percent\b|per cent\b"
    r"|(?:second|minute|hour|day|week|month|year|quarter|time|fold|dollar|euro|yuan|thousand|million|billion)s?\b"
    r"|百分之|千分之|个?百分点|毫克|微克|纳克|千克|公斤|克|斤|毫升|微升|分升|升|毫米|厘米|公里|千米|米|毫摩尔|微摩尔|摩尔|毫米汞柱|千帕|单位|万元|亿元|美元|欧元|元|角"
    r"|小时|分钟|秒|个?工作日|天|日|周|星期|个?月|季度|年|岁|次|倍|片|粒|支|滴|袋|瓶|成|度|条|款|项|级|期|度|人|名|例|万|亿|千|百"
)
_NUMBER = r"(?:[<>≤≥≦≧=＜＞±~≈+−–-]\s?)?[\d½¼¾⅓⅔⁰¹²³⁴⁵⁶⁷⁸⁹₀-₉](?:[\d½¼¾⅓⅔⁰¹²³⁴⁵⁶⁷⁸⁹₀-₉]|[.,:/·．，：](?=\d))*"
_HAN_NUMBER = r"(?:第)?[零〇一二两三四五六七八九十百千万亿半壹贰叁肆伍陆柒捌玖拾]+(?=\s?(?:" + _UNIT + r"))|[百千万]分之[零〇一二两三四五六七八九十百千点]+"
# Words in which a negating character negates nothing.
_HARMLESS = r"非常|不过|不仅|不但|不断|不同|不论|不管|特别|别的|别人|区别|分别|级别|类别|性别|鉴别|识别|差别|个别|辨别|告别|未来|无论|莫名|差不多|是否"
_NEGATION = (
    r"\b(?:no|not|never|none|nobody|nothing|nowhere|neither|nor|without|cannot|unless|except|hardly|contraindicated|avoid)\b|\w+n['’]t\b"
    r"|不|没|無|无|非|未|勿|莫|别|禁|忌|否|毋|免"
)
_TOKENS = re.compile(
    rf"(?P<harmless>{_HARMLESS})|(?P<number>{_NUMBER})(?:[ \t\u00a0\u2009]?(?P<unit>{_UNIT}))?"
    rf"|(?P<han>{_HAN_NUMBER})(?:\s?(?P<hanunit>{_UNIT}))?|(?P<neg>(?i:{_NEGATION}))"
)
_GROUPED = re.compile(r"(?<=\d)[,，](?=\d{3}(?!\d))")
_CURRENCY = re.compile(r"[$€£¥￥](?=\s?\d)")


def sensitive(text: str) -> list[str]:
    """The numbers, units and negations of `text`, in order, each as one string."""
    found = []
    text = "".join(str(unicodedata.decimal(c)) if "\uff10" <= c <= "\uff19" else c for c in unicodedata.normalize("NFC", text))
    for m in _CURRENCY.finditer(text):
        found.append((m.start(), m.group()))
    for m in _TOKENS.finditer(text):
        if m["number"]:
            number = _GROUPED.sub("", m["number"]).replace(" ", "").replace("−", "-").replace("–", "-")
            found.append((m.start("number"), number))
            if m["unit"]:
                found.append((m.start("unit"), m["unit"]))
        elif m["han"]:
            found.append((m.start("han"), m["han"]))
            if m["hanunit"]:
                found.append((m.start("hanunit"), m["hanunit"]))
        elif m["neg"]:
            found.append((m.start("neg"), "n't" if m["neg"].lower().endswith(("n't", "n’t")) else m["neg"].lower()))
    return [token for _, token in sorted(found)]


def always_material(old: str, new: str) -> bool:
    """Whether the edit from `old` to `new` touches a digit, a unit or a negation."""
    return sensitive(old) != sensitive(new)
