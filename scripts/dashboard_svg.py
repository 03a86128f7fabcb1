"""Panels of a Grafana dashboard as one SVG: plain lines, the scale of each panel, and its legend."""

import math
import re
from xml.sax.saxutils import escape

WIDTH, HEIGHT, GAP, HEADING, COLUMNS = 384, 208, 12, 34, 3
LEFT, TOP, PLOT_WIDTH, PLOT_HEIGHT = 52, 30, 318, 110
LEGEND_LINES, LEGEND_CHARS = 4, 58
COLORS = ["#3366cc", "#dc3912", "#ff9900", "#109618", "#990099", "#0099c6", "#dd4477", "#66aa00", "#b82e2e", "#316395"]

# Divisors of a unit, greatest first: the first that fits the greatest value.
UNITS = {
    "bytes": [(2**30, " GiB"), (2**20, " MiB"), (2**10, " KiB"), (1, " B")],
    "s": [(86400, " d"), (3600, " h"), (60, " min"), (1, " s"), (1e-3, " ms"), (1e-6, " µs")],
    "percentunit": [(0.01, " %")],
    "reqps": [(1, "/s")],
    "ops": [(1, "/s")],
    "cps": [(1, "/s")],
}


def scale(unit, top):
    """Returns the divisor and the name of a unit for values up to `top`."""
    for divisor, name in UNITS.get(unit, [(1e9, " G"), (1e6, " M"), (1, "")]):
        if top >= divisor:
            return divisor, name
    return UNITS.get(unit, [(1, "")])[-1]


def ceiling(value):
    """Returns the least of 1, 2, 5, 10, … that is not below the value."""
    if value <= 0:
        return 1
    power = 10 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * 0.999)


def legend(target, labels):
    text = re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), target.get("legendFormat", ""))
    return " ".join(text.split()) or "value"


def lines_of(panel):
    """Returns the lines of a panel: legend and points. The highest ones come first."""
    lines = []
    for target in panel["targets"]:
        for series in target["series"]:
            points = [(time, float(value)) for time, value in series["values"]]
            points = [(time, value) for time, value in points if math.isfinite(value)]
            if points:
                lines.append((legend(target, series["metric"]), points))
    return sorted(lines, key=lambda line: -max(value for _, value in line[1]))


def text(x, y, content, size=11, anchor="start", color="#333", weight="normal"):
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" fill="{color}" '
        f'font-weight="{weight}">{escape(content)}</text>'
    )


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def axis(top, divisor, unit):
    """Draws the horizontal lines at nothing, half and all of the scale."""
    drawn = []
    for part in (0, 0.5, 1):
        y = TOP + PLOT_HEIGHT * (1 - part)
        drawn.append(f'<path d="M{LEFT} {y:.0f}h{PLOT_WIDTH}" stroke="#ddd"/>')
        drawn.append(text(LEFT - 4, f"{y + 4:.0f}", f"{number(top * part / divisor)}{unit}", 10, "end", "#666"))
    return drawn


def path(points, begin, end, top):
    """Draws a line. A gap of the data is a gap of the line."""
    drawn, last = [], None
    step = min((after[0] - before[0] for before, after in zip(points, points[1:])), default=1)
    for time, value in points:
        x = LEFT + PLOT_WIDTH * (time - begin) / (end - begin)
        y = TOP + PLOT_HEIGHT * (1 - min(max(value / top, 0), 1))
        drawn.append(f"{'L' if last is not None and time - last <= step * 1.5 else 'M'}{x:.0f} {y:.0f}")
        last = time
    return "".join(drawn)


def panel_drawing(panel, begin, end):
    lines = lines_of(panel)
    greatest = max((value for _, points in lines for _, value in points), default=0)
    divisor, unit = scale(panel["fieldConfig"]["defaults"].get("unit"), greatest)
    top = ceiling(greatest / divisor) * divisor
    drawn = [f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff" stroke="#ccc"/>']
    drawn.append(text(10, 19, panel["title"], 13, weight="bold"))
    drawn += axis(top, divisor, unit)
    for index, (name, points) in reversed(list(enumerate(lines))):
        color = COLORS[index % len(COLORS)]
        drawn.append(f'<path d="{path(points, begin, end, top)}" fill="none" stroke="{color}" stroke-width="1.5"/>')
    shown = lines if len(lines) <= LEGEND_LINES else lines[: LEGEND_LINES - 1]
    for index, (name, _) in enumerate(shown):
        y = TOP + PLOT_HEIGHT + 18 + 13 * index
        drawn.append(f'<path d="M10 {y - 4}h14" stroke="{COLORS[index % len(COLORS)]}" stroke-width="2.5"/>')
        drawn.append(text(30, y, name if len(name) <= LEGEND_CHARS else name[: LEGEND_CHARS - 1] + "…", 10))
    if len(shown) < len(lines):
        drawn.append(text(30, TOP + PLOT_HEIGHT + 18 + 13 * len(shown), f"and {len(lines) - len(shown)} more", 10))
    if not lines:
        drawn.append(text(LEFT + PLOT_WIDTH / 2, TOP + PLOT_HEIGHT / 2 - 6, "nothing in this run", 11, "middle", "#888"))
    return "\n".join(drawn)


def draw(panels, begin, end):
    """Returns the picture of all panels, with a heading for each row of the dashboard."""
    y, column, drawn = 40, 0, []
    for panel in panels:
        if panel["type"] == "row":
            y, column = y + (HEIGHT + GAP if column else 0), 0
            drawn.append(text(GAP, y + 22, panel["title"], 16, weight="bold"))
            y += HEADING
            continue
        x = GAP + column * (WIDTH + GAP)
        drawn.append(f'<g transform="translate({x} {y})">\n{panel_drawing(panel, begin, end)}\n</g>')
        column += 1
        if column == COLUMNS:
            y, column = y + HEIGHT + GAP, 0
    y += HEIGHT + GAP if column else 0
    width = GAP + COLUMNS * (WIDTH + GAP)
    title = f"Gatepost's dashboard: {end - begin:.0f} s of a pair with TLS under a small load"
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" viewBox="0 0 {width} {y}" '
        'font-family="sans-serif">',
        f'<rect width="{width}" height="{y}" fill="#f4f5f5"/>',
        text(GAP, 26, title, 18, weight="bold"),
        *drawn,
        "</svg>\n",
    ])
