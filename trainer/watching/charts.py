"""Curves of a run in SVG. They stretch to the width they are given, and their text does not."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pages.figures import NONE, count, measured
from pages.markup import Markup, element, foreign, join
from trainer.watching.curves import Curve

STYLE = """
.curves { margin-top: 0.5rem; }
.curves text { fill: var(--quiet); font-size: 12px; paint-order: stroke; stroke: var(--paper); stroke-width: 3px; }
.plot { overflow: hidden; }
.plot path, .plot line { vector-effect: non-scaling-stroke; }
.curve { fill: none; stroke: var(--in-mix); stroke-width: 1.75; stroke-linejoin: round; }
.spread { fill: rgb(var(--accent) / 0.2); }
.skipped { stroke: var(--failed); stroke-width: 2; }
.spike { stroke: var(--rules); stroke-width: 2; }
.swatch.skipped { background: var(--failed); }
.swatch.spike { background: var(--rules); }
.swatch.curve { background: var(--in-mix); }
.swatch.spread { background: rgb(var(--accent) / 0.2); }
.small { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(15rem, 100%), 1fr)); gap: 1.5rem 2.5rem; }
.small h3 { display: flex; justify-content: space-between; gap: 1rem; }
.small h3 bdi { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; min-width: 0; }
.small h3 data { font-weight: 400; color: var(--quiet); }
.small > div { min-width: 0; }
"""
_HEIGHT, _SMALL_HEIGHT = 240, 96
_WIDTH = 1000  # units of the drawing across; it is stretched
_TOP, _BOTTOM = 16, 20  # room for the upper label and for the steps, in pixels
_VALUE_PIXELS = 40  # the least from one round value to the next
_MARK = 9  # height of a mark, in pixels
_OUTSIDE = 0.02  # of all stretches may lie outside of the frame, five times as many by their highest value alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What a chart shows: steps [0, last_step] across, values [low, high] upwards, `height` pixels high."""

    last_step: int
    low: float
    high: float
    height: int

    def across(self, step: float) -> str:
        """Return where a step is drawn, in units."""
        return _number(_WIDTH * step / self.last_step)

    def up(self, value: float) -> str:
        """Return where a value is drawn, in pixels from above; values far outside stay near the frame."""
        part = min(2.0, max(-1.0, (value - self.low) / (self.high - self.low)))
        return _number((1 - part) * self.height)


def panels(curves: Mapping[str, Curve], last_step: int, *, one_scale: bool = False, from_zero: bool = False) -> Markup:
    """Return a small chart of each curve, its last value beside its name.

    Args:
        curves: by name.
        last_step: where the charts end.
        one_scale: all charts show the same values.
        from_zero: charts begin at 0.
    """
    frame = _frame_of(list(curves.values()), last_step, _SMALL_HEIGHT, from_zero=from_zero)
    charts = []
    for name, curve in curves.items():
        own = frame if one_scale else _frame_of([curve], last_step, _SMALL_HEIGHT, from_zero=from_zero)
        heading = element("h3", foreign(name), element("data", four_digits(last_mean(curve))))
        charts.append(element("div", heading, _chart(curve, own, title=name)))
    return element("div", *charts, class_="small")


def last_mean(curve: Curve | None) -> float | None:
    """Return the mean of the last stretch of a curve."""
    return None if curve is None else curve.points()[-1][1].mean


def four_digits(number: float | None) -> str:
    """Return a figure with four significant digits, or a dash."""
    return NONE if number is None else measured(float(f"{number:.4g}"))


def loss_chart(curve: Curve, last_step: int, *, skipped: Curve, spikes: Curve) -> Markup:
    """Return the large chart of a loss: skipped steps are marked at the upper edge, spikes at the lower."""
    return _chart(curve, _frame_of([curve], last_step, _HEIGHT), title="Loss", skipped=skipped, spikes=spikes)


def _frame_of(curves: Sequence[Curve], last_step: int, height: int, *, from_zero: bool = False) -> Frame:
    """Return a frame that holds curves but for the few values farthest out, from about their lowest or from 0."""
    stretches = [stretch for curve in curves for _, stretch in curve.points()]
    low = 0.0 if from_zero else _quantile([stretch.low for stretch in stretches], _OUTSIDE)
    high = max(
        _quantile([stretch.mean for stretch in stretches], 1 - _OUTSIDE),
        _quantile([stretch.high for stretch in stretches], 1 - 5 * _OUTSIDE),
    )
    room = 0.06 * (high - low) or abs(high) or 1.0
    return Frame(last_step=max(1, last_step), low=low if from_zero else low - room, high=high + room, height=height)


def _quantile(values: Sequence[float], part: float) -> float:
    return sorted(values)[math.ceil(part * (len(values) - 1))]


def _chart(
    curve: Curve, frame: Frame, *, title: str, skipped: Curve | None = None, spikes: Curve | None = None
) -> Markup:
    """Return a curve: the mean of each stretch as a line, its lowest and highest value as a band.

    Args:
        curve: has at least one value.
        frame: what is shown.
        title: what a reader who cannot see it is told first.
        skipped: marked along the upper edge.
        spikes: marked along the lower edge.
    """
    points = curve.points()
    shapes = [_band(curve, frame), _line(curve, frame)]
    for marks, top, colour in ((skipped, 0, "skipped"), (spikes, frame.height - _MARK, "spike")):
        for step, _ in marks.points() if marks is not None else ():
            place = frame.across(step)
            shapes.append(element("line", x1=place, x2=place, y1=top, y2=top + _MARK, class_=colour))
    plot = element(
        "svg",
        *shapes,
        class_="plot",
        y=_TOP,
        height=frame.height,
        viewBox=f"0 0 {_WIDTH} {frame.height}",
        preserveAspectRatio="none",
    )
    first, last = points[0][1].mean, points[-1][1].mean
    described = f"from {measured(first)} to {measured(last)} over {count(frame.last_step)} steps"
    return element(
        "svg",
        element("title", title),
        element("desc", described),
        *_lines(frame),
        plot,
        *_labels(frame),
        class_="curves",
        role="img",
        height=frame.height + _TOP + _BOTTOM,
    )


def _line(curve: Curve, frame: Frame) -> Markup:
    """Return the means as a line; a single one is a dot."""
    points = [f"{frame.across(step)} {frame.up(stretch.mean)}" for step, stretch in curve.points()]
    return element("path", d=f"M{'L'.join(points)}" + ("h4" if len(points) == 1 else ""), class_="curve")


def _band(curve: Curve, frame: Frame) -> Markup:
    points = curve.points()
    if all(stretch.low == stretch.high for _, stretch in points):
        return join()
    above = [f"{frame.across(step)} {frame.up(stretch.high)}" for step, stretch in points]
    below = [f"{frame.across(step)} {frame.up(stretch.low)}" for step, stretch in reversed(points)]
    return element("path", d=f"M{'L'.join(above + below)}Z", class_="spread")


def _lines(frame: Frame) -> list[Markup]:
    """Return a line at each round value, and the axis below."""
    places = [(_TOP + float(frame.up(each)), "grid") for each in _round_values(frame)]
    places.append((_TOP + frame.height, "axis"))
    return [element("line", x1="0", x2="100%", y1=place, y2=place, class_=colour) for place, colour in places]


def _labels(frame: Frame) -> list[Markup]:
    """Return the round values, and below the axis the steps at both ends."""
    values = [
        element("text", measured(each), x="0", y=_TOP + float(frame.up(each)) - 3) for each in _round_values(frame)
    ]
    base = _TOP + frame.height + 15
    last = element("text", f"step {count(frame.last_step)}", x="100%", y=base, text_anchor="end")
    return [*values, element("text", "0", x="0", y=base), last]


def _round_values(frame: Frame) -> list[float]:
    """Return round values above the axis, as many as there is room for."""
    extent = frame.high - frame.low
    room = max(2, frame.height // _VALUE_PIXELS)
    unit = 10.0 ** (math.floor(math.log10(extent)) - 1)
    distance = next(part * unit for part in (1, 2, 5, 10, 20, 50, 100) if extent / (part * unit) <= room)
    first = math.floor(frame.low / distance) + 1
    return [round(number * distance, 12) for number in range(first, math.floor(frame.high / distance) + 1)]


def _number(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")
