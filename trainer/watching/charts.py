"""Curves of a run in SVG. They stretch to the width they are given, and their text does not."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pages.figures import count, measured
from pages.markup import Markup, element
from pages.tables import part
from trainer.watching.curves import Curve
from trainer.watching.lines import four_digits

STYLE = """
.curves { margin-top: 0.5rem; }
.curves text { fill: var(--quiet); font-size: 12px; paint-order: stroke; stroke: var(--paper); stroke-width: 3px; }
.plot { overflow: hidden; }
.plot path, .plot line { vector-effect: non-scaling-stroke; }
.curve { fill: none; stroke: var(--in-mix); stroke-width: 1.75; stroke-linejoin: round; stroke-linecap: round; }
.spread { fill: rgb(var(--accent) / 0.2); }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(15rem, 100%), 1fr)); gap: 1.5rem 2.5rem; }
.charts h3 { overflow-wrap: anywhere; }
"""
_LARGE, _SMALL = 240, 96  # height of a chart in pixels
_WIDTH = 1000  # units of the drawing across; it is stretched
_TOP, _BOTTOM = 16, 20  # room for the upper label and for the steps, in pixels
_VALUE_PIXELS = 32  # the least from one round value to the next; small charts have one at least
_OUTSIDE = 0.01  # of all stretches may lie outside of the frame, five times as many by their highest value alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What a chart shows: steps [0, last_step] across, values [low, high] upwards, `height` pixels high."""

    last_step: int
    low: float
    high: float
    height: int

    @classmethod
    def of(cls, curves: Iterable[Curve], last_step: int, height: int, *, from_zero: bool = False) -> "Frame":
        """Return a frame that holds curves but for the few values farthest out, from about their lowest or from 0."""
        stretches = [stretch for curve in curves for _, stretch in curve.points()]
        few = int(_OUTSIDE * len(stretches))
        low = 0.0 if from_zero else sorted(each.low for each in stretches)[few]
        means, highs = sorted(each.mean for each in stretches), sorted(each.high for each in stretches)
        high = max(means[-1 - few], highs[-1 - 5 * few])
        room = 0.06 * (high - low) or abs(high) or 1.0
        return cls(last_step=max(1, last_step), low=low if from_zero else low - room, high=high + room, height=height)

    def across(self, step: float) -> str:
        """Return where a step is drawn, in units."""
        return f"{_WIDTH * step / self.last_step:.1f}"

    def up(self, value: float) -> str:
        """Return where a value is drawn, in pixels from above."""
        return f"{(self.high - value) / (self.high - self.low) * self.height:.1f}"

    def round_values(self) -> list[float]:
        """Return round values inside, as many as there is room for."""
        extent, room = self.high - self.low, self.height // _VALUE_PIXELS
        unit = 10.0 ** (math.floor(math.log10(extent)) - 1)
        distance = next(part * unit for part in (1, 2, 5, 10, 20, 50, 100) if extent / (part * unit) <= room)
        first, last = math.floor(self.low / distance) + 1, math.floor(self.high / distance)
        return [round(number * distance, 12) for number in range(first, last + 1)]


def charts(
    curves: Mapping[str, Curve],
    last_step: int,
    *,
    large: bool = False,
    one_scale: bool = False,
    from_zero: bool = False,
) -> Markup:
    """Return a chart of each curve, its last mean below its name.

    Args:
        curves: by name.
        last_step: where the charts end.
        large: they are as wide as the page, and not side by side.
        one_scale: all show the same values.
        from_zero: they begin at 0.
    """
    size = _LARGE if large else _SMALL
    all_of = Frame.of(curves.values(), last_step, size, from_zero=from_zero) if curves and one_scale else None
    drawn = []
    for name, curve in curves.items():
        frame = all_of or Frame.of([curve], last_step, size, from_zero=from_zero)
        drawn.append(part(name, _chart(name, curve, frame), note=four_digits(curve.last)))
    return element("div", *drawn, class_=None if large else "charts")


def _chart(title: str, curve: Curve, frame: Frame) -> Markup:
    """Return a curve: the mean of each stretch as a line, its lowest and highest value as a band."""
    points = [(frame.across(step), stretch) for step, stretch in curve.points()]
    line = [f"{place} {frame.up(each.mean)}" for place, each in points]
    above = [f"{place} {frame.up(each.high)}" for place, each in points]
    below = [f"{place} {frame.up(each.low)}" for place, each in reversed(points)]
    plot = element(
        "svg",
        element("path", d=f"M{'L'.join(above + below)}Z", class_="spread"),
        element("path", d=f"M{'L'.join(line)}h0", class_="curve"),  # h0: a single point is a dot
        class_="plot",
        y=_TOP,
        height=frame.height,
        viewBox=f"0 0 {_WIDTH} {frame.height}",
        preserveAspectRatio="none",
    )
    values = [(value, _TOP + float(frame.up(value))) for value in frame.round_values()]
    rules = [(height, "grid") for _, height in values] + [(_TOP + frame.height, "axis")]
    base = _TOP + frame.height + 15
    return element(
        "svg",
        element("title", f"{title}: from {four_digits(points[0][1].mean)} to {four_digits(curve.last)}"),
        *(element("line", x1="0", x2="100%", y1=height, y2=height, class_=colour) for height, colour in rules),
        plot,
        *(element("text", measured(value), x="0", y=height - 3) for value, height in values),
        element("text", "0", x="0", y=base),
        element("text", f"step {count(frame.last_step)}", x="100%", y=base, text_anchor="end"),
        class_="curves",
        role="img",
        height=frame.height + _TOP + _BOTTOM,
    )
