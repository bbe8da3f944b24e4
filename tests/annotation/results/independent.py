"""The figures of Results computed once more, from the stored judgements, by the plainest means: no SQL beyond
reading rows, no matrices, no code of the product but its rows."""

from collections import defaultdict
from math import exp, log, sqrt

from scipy.stats import t as student

from annotation.models import Annotation, ItemAnswer


def comparisons(project, *, by="person", tag="", language=""):
    """[(prompt, winner-or-first model, other model, result, a longer?, a first?, item, language, tags)] with
    result 1, -1 or 0 as the first model saw it; each comparison once."""
    out = []
    for annotation in Annotation.objects.filter(project=project).order_by("pk"):
        item = annotation.item
        if annotation.state not in ("submitted", "accepted") or annotation.practice or item.hidden:
            continue
        if by != "all" and annotation.annotator.source != by:
            continue
        tags = {t.name for t in item.tags.all()}
        asked = [m["content"] for m in item.prompt.messages if m["role"] == "user"][-1]
        spoken = "zh" if any("\u4e00" <= c <= "\u9fff" for c in asked) else "en"
        if (tag and tag not in tags) or (language and language != spoken):
            continue
        document, order = annotation.head.document, annotation.head.order
        rank = {slot: i for i, group in enumerate(document.get("ranking", [])) for slot in group}
        if document.get("rest") == "worse":
            rank = {slot: rank.get(slot, 99) for slot in range(item.slot_count)}
        answers = list(ItemAnswer.objects.filter(item=item).order_by("pk"))
        for i, one in enumerate(answers):
            for two in answers[i + 1 :]:
                m, n = one.response.model_version_id, two.response.model_version_id
                if one.slot == two.slot or None in (m, n) or m == n:
                    continue
                if one.slot not in rank or two.slot not in rank:
                    continue
                x, y = rank[one.slot], rank[two.slot]
                result = 1 if x < y else -1 if x > y else 0
                lengths = len(one.response.text), len(two.response.text)
                longer = (lengths[0] > lengths[1]) - (lengths[0] < lengths[1])
                shown = 0
                if one.slot in order and two.slot in order:
                    shown = 1 if order.index(one.slot) < order.index(two.slot) else -1
                out.append((item.prompt_id, m, n, result, longer, shown, item.pk, spoken, tags))
    return out


def share(units):
    """(value, low, high) of {prompt: (hits, n)}, or None."""
    total = sum(n for _h, n in units.values())
    if not total:
        return None
    p = sum(h for h, _n in units.values()) / total
    m = len(units)
    if m < 2:
        return p, None, None
    if p in (0, 1):  # the bound at which as many prompts of one kind have a chance of 2.5 %
        bound = 0.025 ** (1 / m)
        return (p, bound, 1.0) if p else (p, 0.0, 1 - bound)
    variance = m / (m - 1) * sum(((h - p * n) / total) ** 2 for h, n in units.values())
    half = student.ppf(0.975, m - 1) * sqrt(variance)
    return p, max(0.0, p - half), min(1.0, p + half)


def wins(found, of, against=None):
    """(wins, losses, ties, share) of a model."""
    units = defaultdict(lambda: [0.0, 0])
    counts = [0, 0, 0]
    for prompt, m, n, result, *_rest in found:
        if of not in (m, n) or (against is not None and against not in (m, n)):
            continue
        mine = result if of == m else -result
        counts[0 if mine > 0 else 1 if mine < 0 else 2] += 1
        units[prompt][0] += 1 if mine > 0 else 0.5 if mine == 0 else 0
        units[prompt][1] += 1
    return (*counts, share(units))


def bias(found, at):
    """(won, n, share) of the longer (at=4) or the first (at=5) answer."""
    units = defaultdict(lambda: [0, 0])
    for one in found:
        if one[3] and one[at]:
            units[one[0]][0] += one[3] == one[at]
            units[one[0]][1] += 1
    return sum(h for h, _n in units.values()), sum(n for _h, n in units.values()), share(units)


def strengths(found, steps=200_000):
    """{model: (points, low, high)} by the MM algorithm (Hunter 2004), the interval by numerical derivatives;
    None where some model or group never lost to, or never won against, the rest (looked for by trying every
    split of the models)."""
    models = sorted({m for one in found for m in one[1:3]})
    if len(models) < 2:
        return None
    won = defaultdict(float)
    for _prompt, m, n, result, *_rest in found:
        won[m, n] += (result + 1) / 2
        won[n, m] += (1 - result) / 2
    for bits in range(1, 2 ** len(models) - 1):
        side = {m for i, m in enumerate(models) if bits >> i & 1}
        if not any(won[m, n] for m in side for n in models if n not in side):
            return None
    skill = dict.fromkeys(models, 1.0)
    for _step in range(steps):
        new = {
            m: sum(won[m, n] for n in models if n != m)
            / sum((won[m, n] + won[n, m]) / (skill[m] + skill[n]) for n in models if n != m)
            for m in models
        }
        scale = exp(sum(log(v) for v in new.values()) / len(models))
        new = {m: v / scale for m, v in new.items()}
        moved = max(abs(log(new[m] / skill[m])) for m in models)
        skill = new
        if moved < 1e-11:
            break
    beta = {m: log(skill[m]) for m in models}

    def pull(rows, at):
        """Derivatives of the log-likelihood of `rows` at strengths `at`, by models but for the last."""

        def likelihood(x):
            return sum(
                (result + 1) / 2 * -log(1 + exp(x[n] - x[m])) + (1 - result) / 2 * -log(1 + exp(x[m] - x[n]))
                for _p, m, n, result, *_rest in rows
            )

        h = 1e-5
        return [(likelihood(at | {k: at[k] + h}) - likelihood(at | {k: at[k] - h})) / (2 * h) for k in models]

    size = len(models)
    prompts = defaultdict(list)
    for one in found:
        prompts[one[0]].append(one)
    if len(prompts) < 2:
        return {m: (beta[m] * 400 / log(10), None, None) for m in models}
    meat = [[0.0] * size for _i in range(size)]
    for rows in prompts.values():
        u = pull(rows, beta)
        for i in range(size):
            for j in range(size):
                meat[i][j] += u[i] * u[j]
    # information with a constant added: its inverse less that constant is the inverse on the space of mean 0
    info = [[1.0] * size for _i in range(size)]
    for i, m in enumerate(models):
        for j, n in enumerate(models):
            if m != n:
                p = 1 / (1 + exp(beta[n] - beta[m]))
                weight = (won[m, n] + won[n, m]) * p * (1 - p)
                info[i][i] += weight
                info[i][j] -= weight
    inverse = _inverse(info)
    inverse = [[v - 1 / size**2 for v in row] for row in inverse]
    m = len(prompts)
    out = {}
    for i, model in enumerate(models):
        variance = (
            sum(inverse[i][j] * meat[j][k] * inverse[k][i] for j in range(size) for k in range(size))
            * m
            / (m - 1)
        )
        half = student.ppf(0.975, m - 1) * sqrt(max(0.0, variance))
        out[model] = tuple(x * 400 / log(10) for x in (beta[model], beta[model] - half, beta[model] + half))
    return out


def _inverse(matrix):
    """By Gauss and Jordan."""
    size = len(matrix)
    rows = [list(row) + [float(i == j) for j in range(size)] for i, row in enumerate(matrix)]
    for i in range(size):
        best = max(range(i, size), key=lambda r: abs(rows[r][i]))
        rows[i], rows[best] = rows[best], rows[i]
        rows[i] = [v / rows[i][i] for v in rows[i]]
        for j in range(size):
            if j != i:
                factor = rows[j][i]
                rows[j] = [v - factor * w for v, w in zip(rows[j], rows[i], strict=True)]
    return [row[size:] for row in rows]
