"""Small charts as inline SVG: drawn with attributes and classes only (the page's policy refuses styles),
labelled directly, with the same figures in a hidden table for those who cannot see them. A mark may be a
link to its rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.formats import localize
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from core.text import percent

_ROW = 24
_LABEL = 132  # room for a label; more where one needs it
_LONGEST = 260
_WIDTH = 520
_VALUE = 64
_FOREST_LABEL, _FOREST_VALUE = 176, 112  # a name; a share with its interval


@dataclass(frozen=True)
class Mark:
    """One figure: `label` (text), `value` (number, None = no figure), `href` (own page or ""), `tone` ("",
    "good", "bad", "warn", "gold", "soft"), `shown` (text instead of the number)."""

    label: object
    value: float | None
    href: str = ""
    tone: str = ""
    shown: str = ""

    @property
    def text(self) -> str:
        if self.shown:
            return self.shown
        if self.value is None:
            return "–"
        return str(localize(round(self.value, 2) if self.value != int(self.value) else int(self.value)))


def _marks(data: Sequence) -> list[Mark]:
    return [m if isinstance(m, Mark) else Mark(**m) if isinstance(m, dict) else Mark(*m) for m in data]


def _table(title, marks: list[Mark]) -> SafeString:
    rows = format_html_join(
        "", '<tr><th scope="row">{}</th><td>{}</td></tr>', ((m.label, m.text) for m in marks)
    )
    return format_html(
        '<div class="visually-hidden"><table><caption>{}</caption><tbody>{}</tbody></table></div>',
        title,
        rows,
    )


def _linked(mark: Mark, inner: str) -> str:
    if not mark.href:
        return inner
    return f'<a href="{escape(mark.href)}" aria-label="{escape(mark.label)}: {escape(mark.text)}">{inner}</a>'


def _figure(
    title, kind: str, width: int, height: int, inner: str, marks: list[Mark], linked: bool
) -> SafeString:
    # With links inside, the drawing is a group of links; without, it is a picture and the table says it all.
    role = f'role="group" aria-label="{escape(title)}"' if linked else 'aria-hidden="true"'
    svg = (
        f'<svg class="chart chart-{kind}" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" {role} focusable="false">{inner}</svg>'
    )
    return format_html('<figure class="chart-figure">{}{}</figure>', mark_safe(svg), _table(title, marks))  # noqa: S308


def _tone(mark: Mark) -> str:
    return f" chart-{mark.tone}" if mark.tone in ("good", "bad", "warn", "gold", "soft") else ""


def _wide(text: str) -> int:
    """How much room `text` takes in a label, at most: Chinese signs are as wide as they are high."""
    return sum(13 if ord(sign) > 0x2E7F else 9 if sign.isupper() or sign in "mwMW@%" else 7 for sign in text)


def _cut(text: str, room: int) -> str:
    """`text`, its end left out where it takes more than `room`."""
    if _wide(text) <= room:
        return text
    while text and _wide(text) > room - 13:
        text = text[:-1]
    return text + "…"


def bars(title, data: Sequence, *, maximum: float | None = None) -> SafeString:
    """Horizontal bars, one a row: `data` = [Mark | (label, value, href?, tone?) | dict]. `maximum`: the value
    of a full bar (default: the greatest)."""
    marks = _marks(data)
    if not marks:
        return mark_safe("")
    top = maximum or max((m.value or 0 for m in marks), default=0) or 1
    beside = min(_LONGEST, max(_LABEL, *(_wide(str(m.label)) + 10 for m in marks)))
    value = max(_VALUE, *(_wide(m.text) + 10 for m in marks))
    room = _WIDTH - beside - value
    parts = []
    for i, m in enumerate(marks):
        y = i * _ROW
        length = round(max(0.0, min(1.0, (m.value or 0) / top)) * room, 1)
        short = _cut(str(m.label), beside - 10)
        parts.append(
            _linked(
                m,
                f'<rect class="chart-hit" x="0" y="{y}" width="{_WIDTH}" height="{_ROW}"/>'
                f'<text class="chart-label" x="{beside - 8}" y="{y + 16}" '
                f'text-anchor="end">{escape(short)}</text>'
                f'<rect class="chart-mark{_tone(m)}" x="{beside}" y="{y + 6}" '
                f'width="{max(length, 1)}" height="12" rx="2"/>'
                f'<text class="chart-value" x="{round(beside + length + 6, 1)}" '
                f'y="{y + 16}">{escape(m.text)}</text>',
            )
        )
    return _figure(
        title, "bars", _WIDTH, len(marks) * _ROW, "".join(parts), marks, any(m.href for m in marks)
    )


def line(
    title, data: Sequence, *, height: int = 120, minimum: float | None = None, maximum: float | None = None
) -> SafeString:
    """A line over equally spaced points (days): `data` as for `bars`; None leaves a gap. First, last and
    greatest point carry their figures."""
    marks = _marks(data)
    values = [m.value for m in marks if m.value is not None]
    if not values:
        return mark_safe("")
    low = minimum if minimum is not None else min(0, *values)
    high = maximum if maximum is not None else max(values)
    span = (high - low) or 1
    left, right, top, bottom = 12, 44, 20, 22
    step = (_WIDTH - left - right) / max(1, len(marks) - 1)

    def at(i: int, value: float) -> tuple[float, float]:
        return round(left + i * step, 1), round(top + (1 - (value - low) / span) * (height - top - bottom), 1)

    runs: list[list[str]] = [[]]
    dots = []
    peak = next(i for i, m in enumerate(marks) if m.value == max(values))
    last = max(i for i, m in enumerate(marks) if m.value is not None)
    for i, m in enumerate(marks):
        if m.value is None:
            runs.append([])
            continue
        x, y = at(i, m.value)
        runs[-1].append(f"{x},{y}")
        named = i in (peak, last)
        value = (
            f'<text class="chart-value" x="{x}" y="{y - 8}" text-anchor="middle">{escape(m.text)}</text>'
            if named
            else ""
        )
        dots.append(
            _linked(
                m,
                f'<circle class="chart-hit" cx="{x}" cy="{y}" r="9"/><circle '
                f'class="chart-mark{_tone(m)}" cx="{x}" cy="{y}" r="{3 if named else 2}"/>{value}',
            )
        )
    lines = "".join(
        f'<polyline class="chart-path" points="{" ".join(run)}" fill="none"/>' for run in runs if len(run) > 1
    )
    base = height - bottom
    ends = (
        f'<line class="chart-base" x1="{left}" y1="{base}" x2="{_WIDTH - right}" y2="{base}"/>'
        f'<text class="chart-label" x="{left}" y="{height - 6}">{escape(marks[0].label)}</text>'
    )
    if len(marks) > 1:
        ends += (
            f'<text class="chart-label" x="{_WIDTH - right}" y="{height - 6}" '
            f'text-anchor="end">{escape(marks[-1].label)}</text>'
        )
    return _figure(
        title, "line", _WIDTH, height, ends + lines + "".join(dots), marks, any(m.href for m in marks)
    )


@dataclass(frozen=True)
class Ranged:
    """One figure with its interval: `value` None = no figure, `low`/`high` None = no interval; `shown` is how
    the table and the label say it; `href` (own page or "") leads to its rows."""

    label: object
    value: float | None
    low: float | None = None
    high: float | None = None
    shown: str = ""
    href: str = ""


def ranged(
    title,
    data: Sequence[Ranged],
    *,
    height: int = 120,
    minimum: float = 0,
    maximum: float = 1,
    guide: float | None = None,
) -> SafeString:
    """Points with their intervals over equally spaced places (days, weeks): the wider the bar, the less is
    known. `guide`: a level to compare with. The last point carries its figure."""
    marks = [Mark(r.label, r.value, r.href, shown=r.shown) for r in data]
    if all(r.value is None for r in data):
        return mark_safe("")
    left, right, top, bottom = 48, 56, 10, 22
    span = (maximum - minimum) or 1
    step = (_WIDTH - left - right) / max(1, len(data) - 1)

    def y(value: float) -> float:
        return round(
            top + (1 - (min(maximum, max(minimum, value)) - minimum) / span) * (height - top - bottom), 1
        )

    parts = []
    for level in (minimum, maximum):
        parts.append(
            f'<line class="chart-base" x1="{left}" y1="{y(level)}" x2="{_WIDTH - right}" y2="{y(level)}"/>'
        )
        text = percent(level)
        parts.append(
            f'<text class="chart-label" x="{left - 6}" y="{y(level) + 4}" text-anchor="end">{text}</text>'
        )
    if guide is not None:
        parts.append(
            f'<line class="chart-guide" x1="{left}" y1="{y(guide)}" x2="{_WIDTH - right}" y2="{y(guide)}"/>'
        )
    runs: list[list[str]] = [[]]
    last = max(i for i, r in enumerate(data) if r.value is not None)
    for i, r in enumerate(data):
        if r.value is None:
            runs.append([])
            continue
        x = round(left + i * step, 1)
        runs[-1].append(f"{x},{y(r.value)}")
        if r.low is not None and r.high is not None:
            parts.append(f'<line class="chart-range" x1="{x}" y1="{y(r.low)}" x2="{x}" y2="{y(r.high)}"/>')
        dot = f'<circle class="chart-mark" cx="{x}" cy="{y(r.value)}" r="3"/>'
        if r.href:
            dot = f'<circle class="chart-hit" cx="{x}" cy="{y(r.value)}" r="9"/>{dot}'
        parts.append(_linked(marks[i], dot))
        if i == last:
            parts.append(
                f'<text class="chart-value" x="{x + 8}" y="{y(r.value) + 4}">{percent(r.value)}</text>'
            )
    parts += [
        f'<polyline class="chart-path" points="{" ".join(run)}" fill="none"/>' for run in runs if len(run) > 1
    ]
    parts.append(f'<text class="chart-label" x="{left}" y="{height - 4}">{escape(data[0].label)}</text>')
    if len(data) > 1:
        parts.append(
            f'<text class="chart-label" x="{_WIDTH - right}" y="{height - 4}" '
            f'text-anchor="end">{escape(data[-1].label)}</text>'
        )
    linked = any(m.href for m in marks)
    return _figure(title, "ranged", _WIDTH, height, "".join(parts), marks, linked)


def forest(
    title, data: Sequence[Ranged], *, minimum: float = 0, maximum: float = 1, guide: float | None = None
) -> SafeString:
    """One figure a row with its interval, side by side on one scale: where intervals lie apart, so do the
    figures. `guide`: a level to compare with. A row with `href` is a link to what it counts."""
    marks = [Mark(r.label, r.value, r.href, shown=r.shown) for r in data]
    if all(r.value is None for r in data):
        return mark_safe("")
    span = (maximum - minimum) or 1
    left, room = _FOREST_LABEL + 8, _WIDTH - _FOREST_LABEL - 8 - _FOREST_VALUE
    height = len(marks) * _ROW

    def x(value: float) -> float:
        return round(left + (min(maximum, max(minimum, value)) - minimum) / span * room, 1)

    parts = []
    if guide is not None:
        parts.append(f'<line class="chart-guide" x1="{x(guide)}" y1="0" x2="{x(guide)}" y2="{height}"/>')
    for i, (one, mark) in enumerate(zip(data, marks, strict=True)):
        y = i * _ROW + _ROW // 2
        label = str(one.label)
        short = label if len(label) <= 24 else label[:23] + "…"
        inner = (
            f'<rect class="chart-hit" x="0" y="{i * _ROW}" width="{_WIDTH}" height="{_ROW}"/>'
            f'<text class="chart-label" x="{_FOREST_LABEL - 8}" y="{y + 4}" '
            f'text-anchor="end">{escape(short)}</text>'
        )
        if one.low is not None and one.high is not None:
            inner += f'<line class="chart-range" x1="{x(one.low)}" y1="{y}" x2="{x(one.high)}" y2="{y}"/>'
        if one.value is not None:
            inner += f'<circle class="chart-mark" cx="{x(one.value)}" cy="{y}" r="4"/>'
        inner += (
            f'<text class="chart-value" x="{_WIDTH - _FOREST_VALUE + 10}" y="{y + 4}">'
            f"{escape(mark.text)}</text>"
        )
        parts.append(_linked(mark, inner))
    return _figure(title, "forest", _WIDTH, height, "".join(parts), marks, any(m.href for m in marks))
