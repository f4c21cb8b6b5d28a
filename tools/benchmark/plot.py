#!/usr/bin/python3
"""Draws what `tools/bench --json` prints, from stdin, as SVG on stdout.

One line for each row that has a bar: the value in units of its bar, turned round where higher is
better, so that the shorter line is the better one and 1 is the bar on all of them.
"""

import json
import sys
from xml.sax.saxutils import escape

LEFT, RIGHT, LINE, TOP = 380, 560, 26, 56
REACH = 1.5  # of the axis, in bars; longer lines are cut and say their number
COLOURS = {"goal met": "#2a7f62", "bar met": "#3b6ea5", "bar missed": "#b5482f"}


def place(share):
    return LEFT + RIGHT * min(max(share, 0), REACH) / REACH


def share_of_bar(row, value):
    return value / row["bar"] if row["better"] == "lower" else row["bar"] / value


def upright(x, bottom, colour, dashes=""):
    return f'<line x1="{x:.1f}" y1="{TOP - 8}" x2="{x:.1f}" y2="{bottom}" stroke="{colour}"{dashes}/>'


def text(x, y, words, anchor="start"):
    return f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'


def draw_row(row, y):
    end = place(share_of_bar(row, row["value"]))
    goal = place(share_of_bar(row, row["goal"]))
    number = f'{row["value"]:.2f}' + ("" if row["unit"] == "x" else f' {row["unit"]}')
    return [
        text(LEFT - 8, y + 13, row["what"], "end"),
        f'<rect x="{LEFT}" y="{y + 2}" width="{end - LEFT:.1f}" height="14"'
        f' fill="{COLOURS[row["verdict"]]}"/>',
        f'<line x1="{goal:.1f}" y1="{y}" x2="{goal:.1f}" y2="{y + 18}" stroke="black"'
        ' stroke-width="2"/>',
        text(max(end, goal) + 6, y + 13, number),
    ]


def draw(report):
    rows = [row for row in report["rows"] if row["bar"] is not None]
    bottom = TOP + LINE * len(rows)
    about = report["about"]
    title = f'{about["cpu"]}, {about["cores"]} cores, Linux {about["kernel"]}'
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + RIGHT + 110}" height="{bottom + 34}"'
        ' font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        text(LEFT, 20, f"cofferd against its bars: shorter is better ({title})"),
        text(place(1), TOP - 14, "bar", "middle"),
        upright(place(0), bottom, "#888"),
        upright(place(1), bottom, "#888", ' stroke-dasharray="4 3"'),
    ]
    for i, row in enumerate(rows):
        out += draw_row(row, TOP + LINE * i)
    out += [text(LEFT, bottom + 20, "black tick: the goal; green: goal met, blue: bar met, red: missed"),
            "</svg>"]
    return "\n".join(out)


print(draw(json.load(sys.stdin)))
