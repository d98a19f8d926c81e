"""Draw the pictures of this data set again: ``python data/pictures/draw.py FOLDER``.

Reads ``id`` and ``content`` from ``pictures.csv`` beside it ("placard: FAIR RENTS NOW", "scene: market")
and draws one picture a row. The same id, content and SEED give the same picture; the caption plays no part.
Needs Pillow and matplotlib only. Used in lesson 06.
"""

from __future__ import annotations

import csv
import io
import math
import sys
from pathlib import Path
from random import Random

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageFont

SEED = 6
MATPLOTLIB = "3.11.2"  # drew the charts; another version sets their text and lines a little differently
SIZE = 112  # pixels a side
BIG = 4 * SIZE  # placards, flags and scenes are drawn at this size, then made smaller
HERE = Path(__file__).resolve().parent
FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
FACES = ["DejaVuSans-Bold", "DejaVuSans-BoldOblique", "DejaVuSerif-Bold", "DejaVuSansMono-Bold", "STIXGeneralBol"]

DEMANDS = {  # placards that demand something from the state
    "FAIR RENTS NOW", "BOOKS NOT CUTS", "TAX THE YACHTS", "CLEAN WATER NOW", "SAVE WARD 9", "NO NEW RUNWAY",
    "SCHOOLS BEFORE STADIUMS", "COUNT EVERY VOTE", "STOP THE BYPASS", "PAY THE TEACHERS", "LOWER THE FEES",
    "OPEN THE ARCHIVES", "HOMES FOR ALL", "HANDS OFF OUR FOREST", "EQUAL PAY LAW", "LET THE BUS STAY",
}  # fmt: skip
CAMPAIGN = {"VOTE YES ON 4", "NO TO ITEM 7", "YES TO THE BRIDGE"}  # placards of a campaign before a public vote
OTHER_PROTEST = {  # a protest, but against whom can't be seen, or not against the state
    "ENOUGH!", "LISTEN TO US", "WE ARE STILL HERE", "GIVE IT BACK", "HOW MUCH LONGER?", "SHAME", "NOT ONE MORE",
    "SACK THE COACH", "BRING BACK THE OLD MENU", "SAVE OUR SHOW", "REAL GRASS PLEASE", "NO PINEAPPLE",
}  # fmt: skip
CHARTS = {f"{trend}{form} chart" for form in ("bar", "line") for trend in ("", "rising ", "falling ", "flat ")} | {
    "pie chart"
}
POLITICAL_TITLES = {
    "VOTES BY WARD", "SEATS", "TURNOUT", "COUNCIL DEBT", "TAX PER HEAD", "POLL, WEEK 6", "BUDGET 2031", "PUBLIC DEBT",
}  # fmt: skip

SCENES = {
    "rally", "polling station", "empty street", "market", "flooded road", "classroom", "hospital queue", "bus stop",
}  # fmt: skip

SKY = ["#a9cbe8", "#c9d6df", "#8fb4d9", "#e8d3b9", "#b8bfc6", "#d9e6f2", "#f0c8a0", "#7f93ad"]
WALL = ["#b08d74", "#9a9a92", "#c4b7a6", "#7d6b63", "#cfc9bd", "#a8968a", "#8799a3", "#b5a0a8"]
CLOTH = ["#304a7a", "#7a2f3a", "#2f6b4f", "#c9a227", "#5a3d7a", "#d9d4c7", "#3a3a3f", "#b5532a", "#2a8a94", "#8c5a78"]
SKIN = ["#f1c9a5", "#d9a577", "#b57f50", "#8d5a34", "#5e3b22", "#e5b48d"]
HAIR = ["#2b1d14", "#5a3a20", "#a77b3c", "#777777", "#16161a", "#8c3b1e", "#d8d2c6"]
FLAG = ["#0f8b8d", "#e0a526", "#6a3d9a", "#e4572e", "#f4a6c0", "#7a8f2a", "#8a3324", "#4fc3c7", "#f7f3e8", "#2e2e38"]
NORDIC = ("#e4572e", "#f7f3e8")  # left out where they would make a country's flag


def kind(content: str) -> str:
    """Return the kind of picture.

    >>> kind("bar chart: RENT"), kind("march with flags: sun")
    ('chart', 'flag')
    """
    form = content.split(": ")[0]
    return {"placard": "placard", "scene": "scene"}.get(form, "chart" if form.endswith("chart") else "flag")


def protest(content: str) -> str:
    """Return "yes" if the picture shows a protest (see the codebook), else "no".

    >>> protest("placard: SACK THE COACH"), protest("placard: VOTE YES ON 4")
    ('yes', 'no')
    """
    form, what = content.split(": ", 1)
    found = form == "march with flags" or content in ("flag with word: STRIKE", "scene: rally")
    return "yes" if found or (form == "placard" and what in DEMANDS | OTHER_PROTEST) else "no"


def political(content: str) -> str:
    """Return "yes" if the picture alone is political (see the codebook), else "no".

    >>> political("placard: SACK THE COACH"), political("placard: VOTE YES ON 4")
    ('no', 'yes')
    """
    form, what = content.split(": ", 1)
    found = form in ("march with flags", "flag with word") or content in ("scene: rally", "scene: polling station")
    found = found or (form == "placard" and what in DEMANDS | CAMPAIGN)
    return "yes" if found or (kind(content) == "chart" and what in POLITICAL_TITLES) else "no"


# --- small parts


def paper(colour: str) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    picture = Image.new("RGB", (BIG, BIG), colour)
    return picture, ImageDraw.Draw(picture)


def shade(colour: str, factor: float) -> str:
    """Return a hex colour made darker (factor below 1) or lighter."""
    return "#" + "".join(f"{min(255, int(int(colour[i : i + 2], 16) * factor)):02x}" for i in (1, 3, 5))


def font(face: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FONTS / f"{face}.ttf"), size, layout_engine=ImageFont.Layout.BASIC)


def write(draw: ImageDraw.ImageDraw, text: str, box: tuple, colour: str, face: str) -> None:
    """Write a text as large as its box (left, top, right, bottom) allows, one to four lines."""
    words, best = text.split(), (0, [text])
    for rows in range(1, min(4, len(words)) + 1):
        lines, limit = [], len(text) / rows
        for word in words:
            if lines and len(lines[-1]) + len(word) / 2 < limit and len(lines) <= rows:
                lines[-1] += " " + word
            else:
                lines.append(word)
        unit = font(face, 100)
        widest = max(unit.getlength(line) for line in lines)
        best = max(best, (int(min((box[2] - box[0]) / widest * 100, (box[3] - box[1]) / len(lines) / 1.15)), lines))
    size, lines = best
    top = (box[1] + box[3]) / 2 - len(lines) * size * 1.15 / 2
    for number, line in enumerate(lines):
        spot = ((box[0] + box[2]) / 2, top + (number + 0.5) * size * 1.15)
        draw.text(spot, line, fill=colour, font=font(face, size), anchor="mm")


def person(draw: ImageDraw.ImageDraw, rng: Random, x: float, y: float, height: float, arm: bool = False) -> None:
    """Draw a standing person whose feet are at (x, y)."""
    cloth, skin = rng.choice(CLOTH), rng.choice(SKIN)
    head, wide = height * 0.12, height * rng.uniform(0.15, 0.2)
    for side in (-0.55, 0.55):
        draw.line(
            [x + side * wide, y - height * 0.45, x + side * wide, y], fill=rng.choice(CLOTH), width=int(wide * 0.8)
        )
    draw.rounded_rectangle([x - wide, y - height * 0.76, x + wide, y - height * 0.36], wide * 0.6, fill=cloth)
    if arm:
        side = rng.choice((-1, 1))
        draw.line(
            [x + side * wide, y - height * 0.68, x + side * wide * 1.5, y - height * 1.08],
            fill=cloth,
            width=int(wide * 0.6),
        )
    draw.ellipse([x - head, y - height, x + head, y - height + 2 * head], fill=skin)
    draw.pieslice([x - head, y - height, x + head, y - height + 2 * head], 180, 360, fill=rng.choice(HAIR))


def heads(draw: ImageDraw.ImageDraw, rng: Random, top: float, rows: int, size: float) -> None:
    """Draw rows of people from behind, larger towards the bottom edge."""
    for row in range(rows):
        r = size * (0.6 + 0.4 * (row + 1) / rows)
        y = top + row * (BIG - top) / rows
        x = rng.uniform(-r, r)
        while x < BIG + r:
            draw.rounded_rectangle([x - 1.7 * r, y + 0.8 * r, x + 1.7 * r, BIG + r], r, fill=rng.choice(CLOTH))
            draw.ellipse([x - r, y - r, x + r, y + r], fill=rng.choice(HAIR if rng.random() < 0.75 else SKIN))
            x += r * rng.uniform(2.3, 3.6)


def town(draw: ImageDraw.ImageDraw, rng: Random, ground: float, lowest: float = 60, highest: float = 220) -> None:
    """Draw a row of houses that stand on the line ``ground``."""
    x = -rng.uniform(0, 40)
    while x < BIG:
        wide, high, colour = rng.uniform(50, 120), rng.uniform(lowest, highest), rng.choice(WALL)
        draw.rectangle([x, ground - high, x + wide, ground], fill=colour)
        for row in range(int(high // 34)):
            for column in range(int(wide // 28)):
                left, up = x + 8 + column * 28, ground - high + 10 + row * 34
                draw.rectangle([left, up, left + 13, up + 18], fill=rng.choice(["#3d4c5c", "#5d6f80", "#e9d68a"]))
        x += wide + rng.choice([0, 0, 6])


def small_sign(draw: ImageDraw.ImageDraw, rng: Random, x: float, y: float, wide: float) -> None:
    """Draw a far-off placard whose text can't be read."""
    draw.line([x, y, x, y + wide * 1.6], fill="#6b5238", width=4)
    draw.rectangle(
        [x - wide / 2, y - wide * 0.35, x + wide / 2, y + wide * 0.3],
        fill=rng.choice(["#ffffff", "#f2e394", "#e9e2d0", "#d98c8c"]),
    )
    for row in (-0.15, 0.05):
        draw.line(
            [x - wide * 0.38, y + row * wide, x + wide * rng.uniform(0.2, 0.4), y + row * wide], fill="#333333", width=4
        )


# --- placards


def draw_placard(rng: Random, slogan: str) -> Image.Image:
    """Return a picture of a placard: at a protest with people, else in a garden, a hall or on a wall."""
    angry = slogan in DEMANDS | OTHER_PROTEST
    picture, draw = paper(rng.choice(SKY))
    place = rng.choice(["crowd", "crowd", "crowd", "street"] if angry else ["garden", "hall", "wall", "street"])
    if place in ("crowd", "street"):
        town(draw, rng, rng.uniform(300, 360))
        draw.rectangle([0, 350, BIG, BIG], fill=rng.choice(["#8c8f94", "#77797d", "#a39f98"]))
    if place == "crowd":
        for _ in range(rng.randint(2, 5)):
            small_sign(draw, rng, rng.uniform(20, 430), rng.uniform(190, 270), rng.uniform(45, 75))
        heads(draw, rng, rng.uniform(300, 350), rng.randint(2, 3), rng.uniform(20, 32))
    elif place == "garden":
        draw.rectangle([0, rng.uniform(220, 300), BIG, BIG], fill=rng.choice(["#7fa35a", "#6b8f4b", "#97ad62"]))
        for _ in range(40):
            x, y = rng.uniform(0, BIG), rng.uniform(310, BIG)
            draw.line(
                [x, y, x + rng.uniform(-6, 6), y - 18], fill=rng.choice(["#4f7a35", "#aac46a", "#f2f0c0"]), width=3
            )
    elif place == "hall":
        draw.rectangle([0, 0, BIG, BIG], fill=rng.choice(["#d8d2c4", "#c3ccd1", "#e4dcd0"]))
        draw.rectangle([0, 350, BIG, BIG], fill=rng.choice(["#9b8468", "#8b8f93"]))
        for _ in range(rng.randint(1, 3)):
            person(draw, rng, rng.uniform(30, 420), rng.uniform(400, 440), rng.uniform(190, 260), arm=True)
    elif place == "wall":
        colour = rng.choice(["#a5684f", "#8d8478", "#b9a58d"])
        draw.rectangle([0, 0, BIG, BIG], fill=colour)
        for row in range(0, BIG, 28):
            draw.line([0, row, BIG, row], fill=shade(colour, 0.85), width=3)
            for x in range(row % 56, BIG, 60):
                draw.line([x, row, x, row + 28], fill=shade(colour, 0.85), width=3)

    wide, high = rng.uniform(300, 400), rng.uniform(170, 250)
    board, ink = rng.choice(
        [
            ("#c8a06a", "#20160c"), ("#ffffff", "#b3202a"), ("#ffffff", "#101014"), ("#f5dd42", "#141414"),
            ("#f7f2e4", "#1c4e80"), ("#1f2a44", "#ffffff"), ("#b3202a", "#ffffff"), ("#2b6e4f", "#fdf6d8"),
            ("#f3b6c4", "#3a1430"), ("#d9d9d9", "#4a148c"),
        ]
    )  # fmt: skip
    layer = Image.new("RGBA", (2 * BIG, 2 * BIG))
    pen = ImageDraw.Draw(layer)
    x, y = BIG + rng.uniform(-18, 18), BIG - rng.uniform(20, 60)
    if place != "wall":
        pen.rectangle([x - 8, y + high / 2 - 4, x + 8, y + BIG], fill=rng.choice(["#8a6a42", "#6e5534", "#b79a6c"]))
        if place != "garden":
            pen.ellipse([x - 26, y + high / 2 + 40, x + 26, y + high / 2 + 88], fill=rng.choice(SKIN))
    edges = [x - wide / 2, y - high / 2, x + wide / 2, y + high / 2]
    pen.rounded_rectangle(
        edges,
        rng.choice([0, 0, 14]),
        fill=board,
        outline=rng.choice([shade(board, 0.75), ink]),
        width=rng.choice([3, 8]),
    )
    if place == "wall":
        for corner in (edges[0], edges[2] - 50):
            pen.rectangle([corner, edges[1] - 10, corner + 50, edges[1] + 12], fill="#e8e0b0")
    pad = rng.uniform(16, 26)
    face = rng.choice(FACES)
    write(pen, slogan, (edges[0] + pad, edges[1] + pad, edges[2] - pad, edges[3] - pad), ink, face)
    if rng.random() < 0.3:
        pen.line([edges[0] + pad, edges[3] - 14, edges[2] - pad, edges[3] - 18], fill=ink, width=6)
    layer = layer.rotate(rng.uniform(-11, 11), Image.Resampling.BICUBIC).crop(
        (BIG // 2, BIG // 2, 3 * BIG // 2, 3 * BIG // 2)
    )
    picture.paste(layer, (0, 0), layer)
    return picture


# --- charts


def draw_chart(rng: Random, form: str, title: str) -> Image.Image:
    """Return a bar, line or pie chart, drawn by matplotlib at its final size, or as a photo of one."""
    dark = rng.random() < 0.15
    back = "#20242c" if dark else rng.choice(["#ffffff", "#ffffff", "#faf6ec", "#eef3f7", "#f0f0f0"])
    ink = "#eeeeee" if dark else rng.choice(["#111111", "#333333", "#1c3557"])
    colours = rng.choice(
        [["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#999999"],
         ["#264653", "#2a9d8f", "#e9c46a", "#f4a261", "#e76f51", "#8ab17d", "#b5838d", "#6d6875"],
         ["#4c72b0", "#dd8452", "#55a868", "#c44e52", "#8172b3", "#937860", "#da8bc3", "#8c8c8c"],
         ["#444444", "#777777", "#aaaaaa", "#cccccc", "#5b7b9a", "#93a9be", "#bbbbbb", "#dddddd"]]
    )  # fmt: skip
    rng.shuffle(colours)
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        figure = Figure(figsize=(SIZE / 100, SIZE / 100), dpi=100, facecolor=back)
        axes = figure.add_axes(
            (0.17, 0.15, 0.78, 0.65) if form != "pie chart" else (0.08, 0.02, 0.84, 0.8), facecolor=back
        )
        many, trend = rng.randint(4, 8), {"rising": 1, "falling": -1, "flat": 0}.get(form.split()[0])
        if form.endswith("bar chart"):
            values = [rng.uniform(1, 10) for _ in range(many)]
            if trend:
                values.sort(reverse=trend < 0)
            one = colours[:1] * many if rng.random() < 0.5 else colours[:many]
            if rng.random() < 0.25 and trend is None:
                axes.barh(range(many), values, color=one, height=rng.uniform(0.55, 0.9))
                axes.set_yticks(range(many), [chr(65 + i) for i in range(many)])
            else:
                axes.bar(range(many), values, color=one, width=rng.uniform(0.5, 0.9))
                axes.set_xticks(range(many), [chr(65 + i) for i in range(many)])
        elif form.endswith("line chart"):
            start, points = rng.randint(2001, 2024), rng.randint(6, 14)
            for number in range(rng.choice([1, 1, 1, 2, 3]) if trend is None else 1):
                values, slope, swing = [rng.uniform(3, 7)], rng.uniform(-0.6, 0.8), 0.7
                if trend is not None:
                    values, slope, swing = [(6, 2, 9)[trend]], trend * rng.uniform(4, 6) / points, 0.3
                for _ in range(points - 1):
                    values.append(max(0.2, values[-1] + slope + rng.gauss(0, swing)))
                axes.plot(
                    values,
                    color=colours[number],
                    linewidth=rng.uniform(1.2, 2.4),
                    marker=rng.choice(["", "", "o"]),
                    markersize=3,
                )
                if number == 0 and rng.random() < 0.25:
                    axes.fill_between(range(points), values, color=colours[0], alpha=0.3, linewidth=0)
            if trend is not None:
                axes.set_ylim(0, 1.15 * max(values))
            axes.set_xticks([0, points - 1], [f"'{start % 100:02d}", f"'{(start + points - 1) % 100:02d}"])
        else:
            many = rng.randint(3, 6)
            axes.pie(
                [rng.uniform(1, 6) for _ in range(many)], colors=colours[:many], startangle=rng.uniform(0, 360),
                explode=[rng.choice([0, 0, 0, 0.12]) for _ in range(many)],
                wedgeprops={"linewidth": 0.8, "edgecolor": back, "width": rng.choice([1, 1, 0.5])},
            )  # fmt: skip
        if form != "pie chart":
            axes.tick_params(labelsize=5.5, colors=ink, length=1.5, width=0.5, pad=1)
            if rng.random() < 0.5:
                axes.grid(axis="y", linewidth=0.4, alpha=0.6)
            axes.set_axisbelow(True)
            for side, spine in axes.spines.items():
                spine.set(linewidth=0.6, color=ink, visible=side in ("left", "bottom") or rng.random() < 0.3)
        if title != "no title":
            figure.text(
                0.5, 0.9, title, ha="center", va="center", color=ink, weight="bold", fontsize=min(9, 104 / len(title))
            )
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        picture = Image.frombytes("RGBA", canvas.get_width_height(), bytes(canvas.buffer_rgba())).convert("RGB")
    if rng.random() < 0.2:  # as if photographed
        picture = picture.rotate(
            rng.uniform(-4, 4), Image.Resampling.BICUBIC, fillcolor=rng.choice(["#6b6b6b", "#a98b68", "#3c4650"])
        )
    return picture


# --- flags


def star(draw: ImageDraw.ImageDraw, x: float, y: float, r: float, colour: str, points: int = 5) -> None:
    turns = [math.pi * i / points - math.pi / 2 for i in range(2 * points)]
    corners = [
        (x + math.cos(t) * r * (1, 0.42)[i % 2], y + math.sin(t) * r * (1, 0.42)[i % 2]) for i, t in enumerate(turns)
    ]
    draw.polygon(corners, fill=colour)


def cloth(rng: Random, pattern: str, wide: int, high: int) -> Image.Image:
    """Return a flat flag of an invented design; its colours are those that few real flags use."""
    a, b, c = rng.sample(
        [one for one in FLAG if pattern not in ("tricolour", "cross", "saltire") or one not in NORDIC], 3
    )
    flag = Image.new("RGBA", (wide, high), a)
    draw = ImageDraw.Draw(flag)
    if pattern == "tricolour":
        upright = rng.random() < 0.5
        for i, colour in enumerate((a, b, c)):
            third = (wide if upright else high) / 3
            draw.rectangle(
                [i * third, 0, (i + 1) * third, high] if upright else [0, i * third, wide, (i + 1) * third], fill=colour
            )
        d = rng.choice([one for one in FLAG if one not in (a, b, c)])
        star(draw, wide / 2, high / 2, high * 0.14, d, rng.choice([4, 6, 8]))
    elif pattern == "cross":
        x, bar = wide * rng.choice([0.36, 0.5]), high * rng.uniform(0.14, 0.24)
        for colour, part in ((b, 1.0), (c, 0.45)):
            draw.rectangle([x - bar * part / 2, 0, x + bar * part / 2, high], fill=colour)
            draw.rectangle([0, high / 2 - bar * part / 2, wide, high / 2 + bar * part / 2], fill=colour)
    elif pattern == "saltire":
        for ends in ((0, 0, wide, high), (0, high, wide, 0)):
            draw.line(ends, fill=b, width=int(high * rng.uniform(0.14, 0.26)))
        draw.ellipse([wide / 2 - high / 5, high * 0.3, wide / 2 + high / 5, high * 0.7], fill=c)
    elif pattern == "sun":
        draw.rectangle([0, high * 0.66, wide, high], fill=c)
        x, y, r, rays = (
            wide * rng.choice([0.3, 0.5]),
            high * 0.42,
            high * rng.uniform(0.15, 0.22),
            rng.choice([8, 12, 16]),
        )
        for i in range(rays):
            turn = 2 * math.pi * i / rays
            draw.line(
                [x, y, x + math.cos(turn) * r * 1.8, y + math.sin(turn) * r * 1.8], fill=b, width=int(high * 0.035)
            )
        draw.ellipse([x - r, y - r, x + r, y + r], fill=b)
    elif pattern == "stars":
        many, ring = rng.randint(3, 9), rng.random() < 0.5
        for i in range(many):
            turn = 2 * math.pi * i / many
            spot = (
                (wide / 2 + math.cos(turn) * wide * 0.28, high / 2 + math.sin(turn) * high * 0.3)
                if ring
                else (wide * (i + 0.5) / many, high * (0.35 + 0.3 * (i % 2)))
            )
            star(draw, *spot, high * 0.11, b)
    elif pattern == "chequered":
        across = rng.randint(6, 9)
        side = wide / across
        for i in range(across):
            for j in range(int(high / side) + 1):
                draw.rectangle(
                    [i * side, j * side, (i + 1) * side, (j + 1) * side], fill=("#f4f4f4", "#161616")[(i + j) % 2]
                )
    elif pattern in ("stripes", "half-mast", "torn"):
        many = rng.choice([4, 5, 7, 9])
        for i in range(many):
            draw.rectangle([0, i * high / many, wide, (i + 1) * high / many], fill=(a, b)[i % 2])
        if rng.random() < 0.6:
            draw.polygon([(0, 0), (wide * 0.4, high / 2), (0, high)], fill=c)
        if pattern == "torn":
            edge = (
                [(wide, 0)] + [(wide * (0.62 + 0.3 * rng.random()), high * i / 9) for i in range(10)] + [(wide, high)]
            )
            draw.polygon(edge, fill=(0, 0, 0, 0))
            draw.ellipse([wide * 0.45, high * 0.55, wide * 0.56, high * 0.75], fill=(0, 0, 0, 0))
    else:  # a word
        if rng.random() < 0.5:
            draw.rectangle([0, high * 0.8, wide, high], fill=b)
            draw.rectangle([0, 0, wide, high * 0.2], fill=b)
        write(
            draw,
            pattern,
            (wide * 0.07, high * 0.2, wide * 0.93, high * 0.8),
            "#ffffff" if sum(bytes.fromhex(a[1:])) < 420 else "#141414",
            rng.choice(FACES),
        )
    return flag


def wave(rng: Random, flag: Image.Image, strength: float) -> Image.Image:
    """Return a flag as it flies: columns moved up and down, with light and shade."""
    wide, high = flag.size
    rise, length, start = high * strength, wide * rng.uniform(0.5, 0.9), rng.uniform(0, 6)
    room = int(rise) + 1
    flying = Image.new("RGBA", (wide, high + 2 * room))
    for x in range(wide):
        turn = 2 * math.pi * x / length + start
        column = ImageEnhance.Brightness(flag.crop((x, 0, x + 1, high))).enhance(1 + 0.22 * math.cos(turn))
        flying.paste(column, (x, room + int(rise * math.sin(turn) * x / wide)))
    return flying


def hoist(picture: Image.Image, rng: Random, flag: Image.Image, x: int, y: int, foot: float) -> None:
    """Put a flag with its upper left corner at (x, y) on a pole that ends at ``foot``."""
    ImageDraw.Draw(picture).line(
        [x - 3, y - 16, x - 3, foot], fill=rng.choice(["#d0d0d0", "#7a6248", "#555a60"]), width=9
    )
    picture.paste(flag, (x, y), flag)


def draw_flag(rng: Random, form: str, pattern: str) -> Image.Image:
    """Return a picture of one flag, two flags, a pennant, or flags over a march."""
    picture, draw = paper(rng.choice(SKY))
    ground = rng.choice(["none", "hills", "town", "sea"])
    if form == "march with flags" or ground == "town":
        town(draw, rng, 400)
    elif ground == "hills":
        for colour in ("#7f9a72", "#5f7f57"):
            middle = rng.uniform(0, BIG)
            draw.ellipse([middle - 420, rng.uniform(330, 380), middle + 420, 900], fill=colour)
    elif ground == "sea":
        draw.rectangle([0, rng.uniform(340, 390), BIG, BIG], fill=rng.choice(["#3f7f9f", "#2f6a80", "#d9c59a"]))
    if form == "march with flags":
        for number in range(rng.randint(4, 7)):
            wide = rng.randint(110, 190)
            one = wave(
                rng,
                cloth(
                    Random(f"{pattern} {number % 2} {rng.random() if number % 3 == 2 else 0}"),
                    pattern,
                    wide,
                    int(wide * 0.62),
                ),
                0.1,
            )
            hoist(picture, rng, one, rng.randint(5, 330), rng.randint(20, 190), 380)
        heads(draw, rng, rng.uniform(290, 330), 3, rng.uniform(20, 30))
    elif form == "pennant":
        wide, high = rng.randint(330, 390), rng.randint(170, 230)
        flag = cloth(rng, pattern, wide, high)
        cut = Image.new("L", (wide, high), 0)
        ImageDraw.Draw(cut).polygon([(0, 0), (wide, high * 0.34), (wide, high * 0.66), (0, high)], fill=255)
        flag.putalpha(cut)
        hoist(picture, rng, wave(rng, flag, 0.05), rng.randint(25, 45), rng.randint(40, 110), BIG)
    elif pattern == "two":
        for x in (rng.randint(20, 40), rng.randint(235, 250)):
            one = cloth(rng, rng.choice(["tricolour", "cross", "sun", "stars", "saltire"]), 190, rng.randint(115, 135))
            hoist(picture, rng, wave(rng, one, 0.08), x, rng.randint(50, 90), BIG)
    else:
        wide = rng.randint(300, 380)
        flag = wave(rng, cloth(rng, pattern, wide, int(wide * rng.uniform(0.56, 0.68))), rng.uniform(0.03, 0.12))
        top = rng.randint(150, 190) if pattern == "half-mast" else rng.randint(20, 70)
        if pattern == "half-mast":
            draw.line([37, 10, 37, top], fill="#c0c0c0", width=9)
        hoist(picture, rng, flag, rng.randint(30, 60) if pattern != "half-mast" else 40, top, BIG)
    return picture


# --- scenes


def street(draw: ImageDraw.ImageDraw, rng: Random, road: str) -> tuple[float, float]:
    """Draw a street that runs away from the viewer; return the point where it vanishes."""
    x, y = rng.uniform(190, 260), rng.uniform(170, 215)
    for side in (0, BIG):
        for share in (1.0, 0.66, 0.4, 0.2):
            near, tall = x + (side - x) * share, share * rng.uniform(130, 190) + 30
            far = x + (side - x) * share * 0.62
            colour = rng.choice(WALL)
            draw.polygon(
                [(near, y - tall), (far, y - tall * 0.66), (far, y + 60 * share * 0.7), (near, y + 110 * share)],
                fill=colour,
            )
            for i in range(3):
                left = near + (far - near) * (0.15 + 0.28 * i)
                for j in range(3):
                    up = y - tall * (0.75 - 0.25 * j)
                    draw.rectangle(
                        [min(left, left + 9), up, left + 12 * share + 4, up + 20 * share + 4], fill=shade(colour, 0.6)
                    )
    draw.polygon([(x - 12, y + 6), (x + 12, y + 6), (BIG + 60, BIG), (-60, BIG)], fill="#b5b1a8")
    draw.polygon([(x - 8, y + 6), (x + 8, y + 6), (BIG - 40, BIG), (40, BIG)], fill=road)
    for i in range(6):
        share = (i + 1) / 6
        high = 10 + 26 * share
        middle, up = x + (BIG / 2 - x) * share**2, y + 10 + (BIG - y) * share**2 * 0.95
        draw.polygon(
            [
                (middle - 7 * share, up),
                (middle + 7 * share, up),
                (middle + 9 * share, up + high),
                (middle - 9 * share, up + high),
            ],
            fill="#ecebe2",
        )
    return x, y


def car(draw: ImageDraw.ImageDraw, rng: Random, x: float, y: float, wide: float) -> None:
    colour = rng.choice(CLOTH)
    draw.rounded_rectangle([x, y - wide * 0.28, x + wide, y], 12, fill=colour)
    draw.polygon(
        [
            (x + wide * 0.18, y - wide * 0.26),
            (x + wide * 0.3, y - wide * 0.48),
            (x + wide * 0.72, y - wide * 0.48),
            (x + wide * 0.85, y - wide * 0.26),
        ],
        fill=colour,
    )
    draw.polygon(
        [
            (x + wide * 0.26, y - wide * 0.28),
            (x + wide * 0.33, y - wide * 0.43),
            (x + wide * 0.69, y - wide * 0.43),
            (x + wide * 0.77, y - wide * 0.28),
        ],
        fill="#bcd3e0",
    )
    for wheel in (0.22, 0.78):
        draw.ellipse(
            [x + wide * (wheel - 0.1), y - wide * 0.1, x + wide * (wheel + 0.1), y + wide * 0.1], fill="#1d1d20"
        )


def sign(draw: ImageDraw.ImageDraw, rng: Random, text: str, box: tuple, back: str, ink: str) -> None:
    draw.rectangle(box, fill=back, outline=ink, width=4)
    write(draw, text, (box[0] + 8, box[1] + 6, box[2] - 8, box[3] - 6), ink, rng.choice(FACES[:1] + FACES[3:4]))


def room(draw: ImageDraw.ImageDraw, rng: Random, floor: float) -> None:
    """Draw the wall and the floor of a room."""
    draw.rectangle([0, 0, BIG, floor], fill=rng.choice(["#e3ddcf", "#cfdcd6", "#d8dfe6", "#efe4c8", "#c8c3d2"]))
    draw.rectangle([0, floor, BIG, BIG], fill=rng.choice(["#a58a68", "#9aa0a3", "#7f6c58", "#b8b09c"]))


def draw_scene(rng: Random, what: str) -> Image.Image:
    """Return a scene; ``what`` is one of SCENES."""
    picture, draw = paper(rng.choice(SKY))
    if what == "rally":
        town(draw, rng, 320, 100, 290)
        if rng.random() < 0.4:
            wide = rng.uniform(190, 330)
            x, y = rng.uniform(20, BIG - wide - 20), rng.uniform(130, 190)
            draw.rectangle([x, y, x + wide, y + 60], fill=rng.choice(["#ffffff", "#b3202a", "#f5dd42"]))
            for row in (20, 40):
                draw.line([x + 14, y + row, x + wide - 14, y + row], fill="#26262a", width=7)
        for _ in range(rng.randint(6, 12)):
            small_sign(draw, rng, rng.uniform(10, 440), rng.uniform(150, 280), rng.uniform(36, 74))
        for _ in range(rng.randint(0, 3)):
            wide = rng.randint(60, 100)
            hoist(
                picture,
                rng,
                wave(rng, cloth(rng, "stripes", wide, int(wide * 0.6)), 0.1),
                rng.randint(10, 350),
                rng.randint(70, 180),
                330,
            )
        heads(draw, rng, rng.uniform(255, 300), rng.randint(4, 6), rng.uniform(16, 27))
    elif what == "polling station":
        room(draw, rng, 270)
        x = rng.uniform(10, 60)
        for _ in range(rng.randint(3, 4)):
            draw.rectangle(
                [x, 120, x + 88, 330], fill=rng.choice(["#e9e5da", "#c9b48c", "#dfe6ea"]), outline="#6e675a", width=5
            )
            colour = rng.choice(CLOTH)
            for fold in range(5):
                draw.rectangle(
                    [x + 8 + fold * 14.5, 130, x + 8 + (fold + 1) * 14.5, rng.choice([240, 268])],
                    fill=shade(colour, (1, 0.82)[fold % 2]),
                )
            x += 98
        left = rng.uniform(40, 190)
        sign(
            draw,
            rng,
            rng.choice(["POLLING STATION", "VOTE HERE", "BALLOTS"]),
            (left, 24, left + 220, 92),
            "#ffffff",
            rng.choice(["#1c3557", "#141414", "#8a1c2a"]),
        )
        x = rng.uniform(40, 250)
        draw.rectangle([x - 30, 376, x + 180, 396], fill="#7c5c3a")
        draw.rectangle(
            [x, 300, x + 130, 380], fill=rng.choice(["#dfe3e6", "#c8a06a", "#5b6d7d"]), outline="#33383c", width=5
        )
        draw.rectangle([x + 35, 306, x + 95, 314], fill="#1a1a1a")
        draw.polygon([(x + 45, 308), (x + 88, 308), (x + 94, 262), (x + 51, 262)], fill="#ffffff", outline="#999999")
        for _ in range(rng.randint(1, 3)):
            person(
                draw,
                rng,
                rng.choice([rng.uniform(15, x - 20), rng.uniform(min(x + 190, 420), 435)]),
                rng.uniform(405, 440),
                rng.uniform(190, 240),
            )
    elif what == "empty street":
        if rng.random() < 0.25:
            draw.rectangle([0, 0, BIG, BIG], fill="#2c3650")
        x, y = street(draw, rng, rng.choice(["#6d7076", "#5a5c61", "#86847f"]))
        for share in (0.9, 0.5):
            lamp = x + rng.choice((-1, 1)) * 215 * share
            draw.line([lamp, y + 90 * share, lamp, y - 110 * share], fill="#2d2d30", width=int(8 * share) + 1)
            draw.ellipse([lamp - 14 * share, y - 130 * share, lamp + 14 * share, y - 102 * share], fill="#f6e7a8")
    elif what == "market":
        town(draw, rng, 210, 60, 170)
        draw.rectangle([0, 205, BIG, BIG], fill=rng.choice(["#b9b2a4", "#9d968a", "#c7bba3"]))
        for _ in range(rng.randint(3, 5)):
            person(draw, rng, rng.uniform(20, 430), rng.uniform(300, 330), rng.uniform(120, 150))
        x = rng.uniform(-50, 10)
        while x < BIG:
            wide, up, colour = rng.uniform(130, 180), rng.uniform(130, 180), rng.choice(CLOTH)
            for i in range(8):
                a, b = x + i * wide / 8, x + (i + 1) * wide / 8
                draw.polygon([(a + 6, up), (b + 6, up), (b, up + 60), (a, up + 60)], fill=(colour, "#f6f2e6")[i % 2])
                draw.pieslice([a, up + 48, b, up + 74], 0, 180, fill=(colour, "#f6f2e6")[i % 2])
            for leg in (x + 4, x + wide - 6):
                draw.line([leg, up + 60, leg, 350], fill="#5e4a34", width=6)
            draw.rectangle([x, 290, x + wide, 350], fill="#8a6a45")
            for i in range(3):
                fruit = rng.choice(["#d8402f", "#f0a830", "#6fa03a", "#7c3a7a", "#f2d64b", "#b5642a"])
                for _ in range(14):
                    u, v = x + (i + rng.random()) * wide / 3, rng.uniform(278, 312)
                    draw.ellipse([u - 10, v - 10, u + 10, v + 10], fill=shade(fruit, rng.uniform(0.8, 1.1)))
            x += wide + rng.uniform(8, 30)
        for _ in range(rng.randint(1, 4)):
            person(draw, rng, rng.uniform(20, 430), rng.uniform(410, 445), rng.uniform(170, 215))
    elif what == "flooded road":
        draw.rectangle([0, 0, BIG, BIG], fill=rng.choice(["#9aa6b0", "#b3bcc2", "#8794a0", "#c2c8c4"]))
        x, y = street(draw, rng, "#5f6266")
        level, water = y + rng.uniform(45, 85), rng.choice(["#7d7458", "#6a7f8c", "#8a7a5c", "#5f7884"])
        low = rng.uniform(40, 280)
        car(draw, rng, low, level + rng.uniform(80, 130), rng.uniform(130, 190))
        post = rng.choice([rng.uniform(30, 80), rng.uniform(360, 410)])
        draw.line([post, level - 70, post, level + 90], fill="#55585c", width=7)
        draw.polygon(
            [(post, level - 125), (post - 34, level - 66), (post + 34, level - 66)],
            fill="#ffffff",
            outline="#c0272d",
            width=8,
        )
        layer = picture.copy()
        cover = ImageDraw.Draw(layer)
        cover.rectangle([0, level, BIG, BIG], fill=water)
        picture = Image.composite(Image.blend(picture, layer, 0.86), picture, layer.convert("L").point(lambda _: 255))
        draw = ImageDraw.Draw(picture)
        for _ in range(60):
            v = rng.uniform(level, BIG)
            u, long = rng.uniform(-20, BIG), (v - level) * 0.35 + 14
            draw.arc([u, v - 5, u + long, v + 7], 190, 350, fill=shade(water, rng.choice([1.25, 1.4, 0.8])), width=3)
        car(draw, rng, low, level + 12, 150)
        draw.rectangle([low - 30, level - 8, low + 190, level + 34], fill=shade(water, 1.05))
        if rng.random() < 0.6:
            for _ in range(70):
                u, v = rng.uniform(0, BIG), rng.uniform(0, BIG)
                draw.line([u, v, u - 6, v + 22], fill="#dfe6ec", width=2)
    elif what == "classroom":
        room(draw, rng, 270)
        x = rng.uniform(60, 120)
        draw.rectangle(
            [x, 50, x + 240, 190],
            fill=rng.choice(["#2f5d46", "#2b3a36", "#f8f8f6", "#34506b"]),
            outline="#8a6a42",
            width=9,
        )
        chalk = "#e8e8e0" if picture.getpixel((int(x) + 30, 120))[0] < 128 else "#2a4a9a"
        for row in range(rng.randint(2, 4)):
            draw.line([x + 24, 80 + row * 28, x + rng.uniform(90, 215), 80 + row * 28], fill=chalk, width=6)
        if rng.random() < 0.5:
            draw.rectangle([x + 265, 60, x + 340, 170], fill="#cfe6f5", outline="#ffffff", width=7)
        if rng.random() < 0.6:
            person(draw, rng, rng.choice([x - 25, x + 255]), 300, 190)
        full = rng.random() < 0.65
        for row in range(3):
            size = 1 + row * 0.42
            for column in range(5):
                u, v = BIG / 2 + (column - 2) * 100 * size * 0.9 + rng.uniform(-6, 6), 265 + row * 66
                draw.rectangle([u - 34 * size, v, u + 34 * size, v + 12 * size], fill="#c99c5f")
                for leg in (-30, 30):
                    draw.line([u + leg * size, v, u + leg * size, v + 50 * size], fill="#5b5f63", width=5)
                if full and rng.random() < 0.85:
                    draw.rounded_rectangle(
                        [u - 20 * size, v + 6, u + 20 * size, v + 58 * size], 10, fill=rng.choice(CLOTH)
                    )
                    draw.ellipse([u - 15 * size, v - 22 * size, u + 15 * size, v + 10 * size], fill=rng.choice(HAIR))
    elif what == "hospital queue":
        room(draw, rng, 300)
        ink = rng.choice(["#1f6fb2", "#1c8a6a", "#22577a"])
        x = rng.uniform(20, 60)
        draw.rectangle([x, 110, x + 110, 310], fill="#f4f7f8", outline="#8fa0a8", width=6)
        draw.rectangle([x + 25, 130, x + 85, 190], fill="#bcd6e2")
        sign(draw, rng, rng.choice(["HOSPITAL", "EMERGENCY", "WARD 3"]), (x - 8, 30, x + 190, 88), ink, "#ffffff")
        u = x + 235
        draw.rectangle([u, 34, u + 60, 94], fill=ink)
        draw.rectangle([u + 24, 42, u + 36, 86], fill="#ffffff")
        draw.rectangle([u + 8, 58, u + 52, 70], fill="#ffffff")
        draw.rectangle(
            [x + 130, 225, x + 230, 330], fill=rng.choice(["#e6ecef", "#cdb48a"]), outline="#8fa0a8", width=5
        )
        person(draw, rng, x + 180, 330, 165)
        draw.rectangle([x + 130, 255, x + 230, 330], fill="#dfe7ea", outline="#8fa0a8", width=5)
        for number in range(rng.randint(5, 8)):
            person(draw, rng, 150 + number * 44 + rng.uniform(-6, 6), 390 + rng.uniform(-8, 22), rng.uniform(165, 205))
    else:  # bus stop
        town(draw, rng, 290, 90, 250)
        draw.rectangle([0, 285, BIG, 360], fill="#b9b5ac")
        draw.rectangle([0, 360, BIG, BIG], fill=rng.choice(["#5f6266", "#74767a"]))
        for x in range(-20, BIG, 90):
            draw.rectangle([x, 402, x + 50, 410], fill="#e9e7dd")
        x, colour = rng.uniform(90, 200), rng.choice(["#2c6e91", "#3a3f44", "#7a8f2a", "#8a3324"])
        draw.rectangle([x, 150, x + 210, 168], fill=colour)
        draw.rectangle([x + 6, 168, x + 204, 330], fill="#c4dbe4")
        for leg in (x + 6, x + 105, x + 204):
            draw.line([leg, 160, leg, 345], fill=colour, width=7)
        draw.rectangle([x + 25, 292, x + 185, 304], fill="#7c5c3a")
        draw.line([x - 45, 120, x - 45, 350], fill="#44484c", width=8)
        sign(
            draw,
            rng,
            "BUS",
            (x - 88, 96, x - 2, 150),
            rng.choice(["#f2c230", "#1f6fb2", "#b3202a"]),
            rng.choice(["#141414", "#ffffff"]),
        )
        for _ in range(rng.randint(0, 4)):
            person(draw, rng, rng.uniform(x, x + 200), rng.uniform(345, 362), rng.uniform(130, 160))
        if rng.random() < 0.25:
            for _ in range(80):
                u, v = rng.uniform(0, BIG), rng.uniform(0, BIG)
                draw.line([u, v, u - 6, v + 24], fill="#dfe6ec", width=2)
    return picture


# --- the camera, and the files


def photograph(rng: Random, picture: Image.Image, quiet: bool) -> Image.Image:
    """Return a picture at its final size, as a phone would take it: tilt, light, blur, noise, few colours."""
    if not quiet:
        tilt = rng.uniform(-3, 3)
        picture = picture.rotate(tilt, Image.Resampling.BICUBIC)
        edge = int(abs(tilt) * 4 + rng.uniform(4, 26))
        picture = picture.crop((edge, edge, BIG - edge, BIG - edge)).resize((SIZE, SIZE), Image.Resampling.LANCZOS)
        picture = ImageEnhance.Brightness(picture).enhance(rng.uniform(0.72, 1.15))
        picture = ImageEnhance.Contrast(picture).enhance(rng.uniform(0.75, 1.2))
        picture = ImageEnhance.Color(picture).enhance(rng.choice([0.0, 0.6, 0.8, 0.9, 1.0, 1.0, 1.0, 1.1, 1.2, 1.4]))
        if rng.random() < 0.15:
            picture = picture.filter(ImageFilter.GaussianBlur(0.6))
    strength = rng.choice([0, 0, 0, 0.04] if quiet else [0, 0, 0.03, 0.05, 0.08])
    if strength:
        grain = Image.frombytes("L", (SIZE, SIZE), rng.randbytes(SIZE * SIZE)).point(
            [int(128 + (v - 128) * strength) for v in range(256)]
        )
        picture = ImageChops.add(picture, Image.merge("RGB", (grain,) * 3), 1, -128)
    return picture.quantize(rng.choice([12, 14, 16]), Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)


def draw_picture(name: str, content: str, seed: int = SEED) -> Image.Image:
    """Return one picture of the data set.

    Args:
        name: its id, which decides colours, positions and noise.
        content: what it shows, as in the column ``content``.
        seed: another seed gives other pictures of the same content.

    Returns:
        A palette image of 112 by 112 pixels.

    Raises:
        ValueError: the content has no colon, or names no known form.
    """
    form, _, what = content.partition(": ")
    rng = Random(f"{seed} {name}")
    if form == "placard" and what:
        picture = draw_placard(rng, what)
    elif form in CHARTS and what:
        picture = draw_chart(rng, form, what)
    elif form in ("flag", "flag with word", "march with flags", "pennant") and what:
        picture = draw_flag(rng, form, what)
    elif form == "scene" and what in SCENES:
        picture = draw_scene(rng, what)
    else:
        raise ValueError(f"No way to draw '{content}': write it as 'scene: market' or 'bar chart: RENT'.")
    return photograph(rng, picture, quiet=form.endswith("chart"))


def png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()


def main(arguments: list[str]) -> int:
    """Draw every picture of ``pictures.csv`` into a folder."""
    if len(arguments) != 1:
        print("Name one folder: python data/pictures/draw.py FOLDER")
        return 2
    folder = Path(arguments[0])
    with (HERE / "pictures.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        target = folder / row["file"]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(png(draw_picture(row["id"], row["content"])))
    print(f"{len(rows)} pictures in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
