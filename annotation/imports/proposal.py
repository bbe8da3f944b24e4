"""What the columns of a file may be where nothing in it is named as an answer, for a project that ranks
answers: a proposal that stands on the page before anything is taken in, and may be changed there."""

import re

from corpus.readers import Inspection
from corpus.readers.fields import ABOUT, answer_columns, is_answer, is_judge, normal
from corpus.readers.judgements import deciding

MOST = 10  # answers of a row
_ANSWER = 20  # characters from which a text without a blank may be an answer
# What says where an answer stood or how good it was, and not who gave it.
_NO_MODEL = re.compile(
    r"\d*|[a-z]|[甲乙丙丁]"
    r"|(.*_)?(left|right|first|second|third|fourth|chosen|rejected|accepted|preferred|better|best|worse|worst"
    r"|good|bad|winner|loser|correct|wrong|gold|reference|ref|target|text\d*|rank\d*)(_.*)?"
    r"|.*(左|右|最佳|最好|最差|较好|较差|更好|更差|参考|标准|正确|错误).*"
)


def mapping_for(inspection: Inspection) -> dict[str, str]:
    """{our field: column} of the answers, their models and which of them is better, for a file in which
    questions alone are recognised; {} where fewer than two of its other columns hold texts."""
    if inspection.format != "prompts":
        return {}
    taken = {column: ours for ours, column in inspection.mapping.items() if column}
    answers = [c for c in inspection.columns if c not in taken and _holds_texts(inspection, c)]
    if not 2 <= len(answers) <= MOST:
        return {}
    mapping = {f"answer_{n}": column for n, column in enumerate(answers, 1)}
    for column in inspection.columns:
        if column in answers or taken.get(column, "annotator") != "annotator":
            continue
        if (is_judge(column) or column in taken) and _holds_numbers(inspection, column, len(answers)):
            return with_models(mapping) | {"winner": column}
    return with_models(mapping)


def with_models(mapping: dict[str, str]) -> dict[str, str]:
    """`mapping` with the names of its answers' columns as their models, where all of them can be names."""
    answers = answer_columns(mapping)
    named = len(answers) >= 2 and all(may_be_a_model(column) for _suffix, column in answers)
    if not named or any(ours.startswith("model") for ours in mapping):
        return mapping
    return mapping | {f"model_{suffix}": f"={column}" for suffix, column in answers}


def may_be_a_model(column: str) -> bool:
    """Whether the name of an answer's column can be that of the model which gave the answer."""
    return not is_answer(column) and not _NO_MODEL.fullmatch(normal(column))


def _values(inspection: Inspection, column: str) -> list:
    return [row[column] for row in inspection.sample if row.get(column) not in (None, "")]


def _holds_texts(inspection: Inspection, column: str) -> bool:
    if is_judge(column) or re.split(r"[_\-\s:：]+", column.casefold())[-1] in ABOUT:
        return False
    values = _values(inspection, column)
    texts = [v for v in values if isinstance(v, str) and (len(v) >= _ANSWER or " " in v.strip())]
    return 2 * len(values) > len(inspection.sample) and 2 * len(texts) > len(values)


def _holds_numbers(inspection: Inspection, column: str, many: int) -> bool:
    values = [deciding.whole(value) for value in _values(inspection, column)]
    return bool(values) and all(n is not None and 0 <= n <= many for n in values)
