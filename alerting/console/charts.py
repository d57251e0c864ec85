"""Small charts as SVG, drawn here: what a topic's share and volume were lately. Colours come from the style sheet."""

from collections.abc import Sequence

from markupsafe import Markup

from alerting.console.series import Point

FEWEST = 3  # documents under a point of the share's line; below, a share says nothing
SMOOTHED = 4  # parts that one point of the line is about


def chart(points: Sequence[Point], usual_share: float | None, size: tuple[int, int], title: str) -> Markup:
    """Above, the negative share as a line, with the usual share dashed; below, documents as bars, negatives dark.

    `size` is width and height in units of the drawing; the page stretches it either way, lines keep their strength.
    `title` says the same in words.
    """
    width, height = size
    middle = height * 0.58
    drawn = [
        Markup(
            '<svg class="chart" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}"><title>{}</title>'
        ).format(width, height, title, title),
        _bars(points, width, middle + 3, height),
        Markup('<line class="axis" x1="0" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(width, middle, middle),
    ]
    if usual_share is not None:
        y = _y(usual_share, middle)
        drawn.append(Markup('<line class="usual" x1="0" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(width, y, y))
    drawn += [_line(points, width, middle), Markup("</svg>")]
    return Markup("").join(drawn)


def _y(share: float, middle: float) -> float:
    return middle - 1 - min(share, 1.0) * (middle - 3)


def _line(points: Sequence[Point], width: float, middle: float) -> Markup:
    """The share as a line that breaks where there are too few documents; dots where it stands alone, and at its end."""
    step = width / max(len(points), 1)
    runs: list[list[str]] = [[]]
    for n in range(len(points)):
        lately = points[max(0, n - SMOOTHED + 1) : n + 1]
        documents = sum(point.documents for point in lately)
        if documents >= FEWEST:
            share = sum(point.negatives for point in lately) / documents
            runs[-1].append(f"{(n + 0.5) * step:.1f},{_y(share, middle):.1f}")
        elif runs[-1]:
            runs.append([])
    lone = [run[-1] for run in runs if len(run) == 1 or (run and run is runs[-1])]
    drawn = {
        "share": "".join(f"M{' L'.join(run)}" for run in runs if len(run) > 1),
        "dot": "".join(f"M{at}h0" for at in lone),
    }  # fmt: skip - a stroke without length is a dot
    return Markup("").join(Markup('<path class="{}" d="{}"/>').format(*each) for each in drawn.items() if each[1])


def _bars(points: Sequence[Point], width: float, top: float, bottom: float) -> Markup:
    most = max((point.documents for point in points), default=0) or 1
    step = width / max(len(points), 1)
    bar = Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>')
    drawn = []
    for n, point in enumerate(points):
        for kind, count in (("all", point.documents), ("negative", point.negatives)):
            if count:
                high = count / most * (bottom - top)
                drawn.append(bar.format(kind, n * step + 0.3, bottom - high, max(step - 0.6, 0.6), high))
    return Markup("").join(drawn)
