"""Figures of the image-text model: names and groups of emoji in a style it never saw.

The model was trained on three styles of drawing and is tested on a fourth. Its pictures are
not shipped, so all figures need the corpora. Used for lessons 06 and 09.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from workshop_lib import data
from workshop_lib.course.evaluation import Figure
from workshop_lib.course.evaluation.corpus import bucket
from workshop_lib.course.evaluation.sums import share
from workshop_lib.errors import MissingFileError

if TYPE_CHECKING:
    from PIL.Image import Image

ARCHIVE = "images/emoji72_4styles.tar.xz"
TRAINED_STYLES = ("fluentui", "openmoji", "twemoji")
HELD_OUT_STYLE = "noto"  # Android's and Colab's own, chosen before any training
SIZE = 72  # pixels of a side
NAME_PROMPT = "a drawing of {}"
GROUP_PROMPT = "an emoji of the group {}"
WAYS = 50  # names to choose from
DRAWS = 200  # random sets of WAYS names
SEED = 7


class Drawing(NamedTuple):
    """One picture of one emoji."""

    style: str
    name: str  # as a caption: "red heart", "flag of Denmark" without capitals
    group: str  # "food and drink"
    keywords: tuple[str, ...]
    pixels: np.ndarray  # Shape: (SIZE, SIZE, 4): red, green, blue, opacity; 0 to 255


# ── Pictures ─────────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=1)
def drawings(corpus: Path) -> list[Drawing]:
    """Return every picture of the four styles, in the order of the corpus's list of emoji.

    Raises:
        MissingFileError: the corpora aren't there.
    """
    from PIL import Image

    file = Path(corpus) / ARCHIVE
    if not file.exists():
        raise MissingFileError(
            f"The corpus file {file} isn't there. Give the folder that holds images/ with "
            "--corpus DIR; training/README.md says what it holds."
        )
    with tarfile.open(file) as archive:
        found = {
            member.name.removeprefix("./").removeprefix("emoji/"): archive.extractfile(
                member
            ).read()
            for member in archive
            if member.isfile()
        }
    keywords = json.loads(found["search_aliases.json"])
    rows = []
    for group in json.loads(found["groups.json"]):
        for emoji in {icon["name"]: None for icon in group["icons"]}:
            for style in (*TRAINED_STYLES, HELD_OUT_STYLE):
                picture = found.get(f"{style}/{emoji}.png")
                if picture:
                    image = Image.open(io.BytesIO(picture)).convert("RGBA").resize((SIZE, SIZE))
                    words = tuple(word.replace("_", " ") for word in keywords.get(emoji, ()))
                    name = caption_name(emoji, group["name"])
                    shown = caption_name(group["name"], "")
                    rows.append(Drawing(style, name, shown, words, np.asarray(image)))
    return rows


def caption_name(emoji: str, group: str) -> str:
    """Return an emoji's name as words; a country's becomes its flag's.

    >>> caption_name("red_heart", "smileys_&_emotion"), caption_name("denmark", "flags")
    ('red heart', 'flag of denmark')
    """
    words = emoji.replace("_", " ").replace("&", "and")
    return f"flag of {words}" if group == "flags" and "flag" not in words else words


def on_white(drawing: Drawing) -> Image:
    """Return a picture as the model takes it: in RGB, on white."""
    from PIL import Image

    picture = Image.fromarray(drawing.pixels)
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture).convert("RGB")


# ── Split ────────────────────────────────────────────────────────────────────────────────

VARIANT = re.compile(
    r"^(man|men|woman|women|person|people|mx|mrs) |facing (left|right)| (left|right)$"
)


def concept(name: str) -> str:
    """Return what variants of one emoji share; variants fall on the same side of the split.

    >>> concept("woman surfing") == concept("man surfing")
    True
    """
    if name.startswith(("family", "kiss", "couple with heart", "keycap")):
        return name.split()[0]
    if name.endswith((" o clock", " thirty")):
        return "clock"
    return VARIANT.sub("", VARIANT.sub("", name)).strip()


def side_of(name: str) -> str:
    """Return "new" for 1 concept in 20, "valid" for another, and "seen" for the rest.

    New concepts are left out of training in every style. The held-out style's pictures of
    valid concepts served to watch the training; those of the other concepts are the test.
    """
    return {0: "new", 1: "valid"}.get(bucket(concept(name), 20), "seen")


# ── Embeddings ───────────────────────────────────────────────────────────────────────────


def image_vectors(model, processor, images: list[Image]) -> np.ndarray:
    """Return one vector of length 1 for each picture.

    Returns:
        array (images, projection)
    """
    import torch

    found = []
    with torch.no_grad():
        for start in range(0, len(images), 256):
            pixels = processor(images=images[start : start + 256], return_tensors="pt").pixel_values
            pooled = model.vision_model(pixel_values=pixels).pooler_output
            found.append(torch.nn.functional.normalize(model.visual_projection(pooled), dim=-1))
    return torch.cat(found).numpy()


def text_vectors(model, processor, texts: list[str]) -> np.ndarray:
    """Return one vector of length 1 for each text.

    Returns:
        array (texts, projection)
    """
    import torch

    inputs = processor(text=texts, return_tensors="pt", padding=True, truncation=True)
    with torch.no_grad():
        pooled = model.text_model(
            input_ids=inputs.input_ids, attention_mask=inputs.attention_mask
        ).pooler_output
        vectors = torch.nn.functional.normalize(model.text_projection(pooled), dim=-1)
    return vectors.numpy()


def load(folder: Path | None = None):
    """Return (model, processor), the model in float32 on the CPU."""
    from transformers import AutoProcessor, CLIPModel

    folder = folder or data.root() / "models" / "image_text"
    model = CLIPModel.from_pretrained(folder, local_files_only=True, dtype="float32")
    return model.eval(), AutoProcessor.from_pretrained(folder, local_files_only=True)


# ── Measures ─────────────────────────────────────────────────────────────────────────────


def top_one(images: np.ndarray, texts: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return whether the nearest text is the right one, for each image.

    Args:
        images: Shape (images, projection).
        texts: Shape (texts, projection).
        right: the right text's place, for each image.
    """
    return (images @ texts.T).argmax(axis=1) == right


def many_way(images: np.ndarray, texts: np.ndarray, ways: int = WAYS) -> tuple[float, float, float]:
    """Return the accuracy of choosing each image's text out of random sets of names.

    Args:
        images, texts: row i of one belongs to row i of the other.

    Returns:
        (mean in per cent, 2.5 and 97.5 per cent points over the DRAWS sets)
    """
    chance = np.random.default_rng(SEED)
    shares = []
    for _ in range(DRAWS):
        chosen = chance.choice(len(images), size=ways, replace=False)
        shares.append(100 * top_one(images[chosen], texts[chosen], np.arange(ways)).mean())
    return float(np.mean(shares)), *np.percentile(shares, [2.5, 97.5]).tolist()


def per_cent(right: np.ndarray) -> str:
    """Return the share of True in per cent, with its 95 % Wilson interval."""
    return share(int(right.sum()), len(right))


class Vectors(NamedTuple):
    """The pictures of one test, their vectors, and the vectors of their names."""

    rows: list[Drawing]
    images: np.ndarray  # Shape: (images, projection)
    texts: np.ndarray  # Shape: (images, projection): row i is the name of picture i


def vectors_of(
    model, processor, rows: list[Drawing], side: str, style: str = HELD_OUT_STYLE
) -> Vectors:
    """Return the vectors of one style's pictures on one side of the split."""
    chosen = [row for row in rows if row.style == style and side_of(row.name) == side]
    images = image_vectors(model, processor, [on_white(row) for row in chosen])
    texts = text_vectors(model, processor, [NAME_PROMPT.format(row.name) for row in chosen])
    return Vectors(chosen, images, texts)


def by_group(model, processor, rows: list[Drawing], images: np.ndarray) -> np.ndarray:
    """Return, for each picture, whether its group's name is the nearest of the nine."""
    groups = sorted({row.group for row in rows})
    texts = text_vectors(model, processor, [GROUP_PROMPT.format(group) for group in groups])
    return top_one(images, texts, np.array([groups.index(row.group) for row in rows]))


def zero_shot(model, processor, rows: list[Drawing], side: str) -> dict[str, str]:
    """Return the two main figures on one side of the split, for watching a training."""
    test = vectors_of(model, processor, rows, side)
    mean, low, high = many_way(test.images, test.texts)
    right = by_group(model, processor, test.rows, test.images)
    return {"groups": per_cent(right), "names": f"{mean:.1f} ({low:.0f} to {high:.0f})"}


def nearest_pixels(train: list[Drawing], test: list[Drawing]) -> np.ndarray:
    """Return how far each test picture is from each training picture, pixel by pixel.

    Returns:
        array (test pictures, training pictures) of squared distances, at half the size
    """

    def flat(rows: list[Drawing]) -> np.ndarray:
        half = (SIZE // 2, SIZE // 2)
        found = [np.asarray(on_white(row).resize(half), dtype=np.float32).ravel() for row in rows]
        return np.stack(found) / 255

    a, b = flat(test), flat(train)
    return (a**2).sum(1)[:, None] - 2 * a @ b.T + (b**2).sum(1)[None]


def many_way_pixels(distances: np.ndarray, train: list[Drawing], test: list[Drawing]) -> float:
    """Return the mean accuracy over WAYS names if the nearest trained picture gives the name."""
    names = {row.name: place for place, row in enumerate(test)}
    owner = np.array([names.get(row.name, -1) for row in train])
    chance = np.random.default_rng(SEED)
    shares = []
    for _ in range(DRAWS):
        chosen = chance.choice(len(test), size=WAYS, replace=False)
        columns = np.flatnonzero(np.isin(owner, chosen))
        nearest = columns[distances[np.ix_(chosen, columns)].argmin(axis=1)]
        shares.append(100 * (owner[nearest] == chosen).mean())
    return float(np.mean(shares))


def linear_probe(
    train: np.ndarray, train_groups: list[str], test: np.ndarray, test_groups: list[str]
) -> np.ndarray:
    """Return whether a logistic regression on the image vectors finds each picture's group."""
    from sklearn.linear_model import LogisticRegression

    probe = LogisticRegression(C=10, max_iter=2000).fit(train, train_groups)
    return probe.predict(test) == np.array(test_groups)


def read_as_men(model, processor, rows: list[Drawing]) -> tuple[np.ndarray, np.ndarray]:
    """Return how the model reads pictures of people, where a man, a woman and neither is drawn.

    Returns:
        (for each picture without a gender: is "man …" nearer than "woman …"?,
        for each picture of a man or a woman: is the right one of the two nearer?)
    """
    noto = {row.name: row for row in rows if row.style == HELD_OUT_STYLE}
    neutral, right = [], []
    for name in noto:
        plain = name.removeprefix("man ")
        woman = f"woman {plain}"
        neither = next((n for n in (plain, f"person {plain}") if n in noto), None)
        if not name.startswith("man ") or woman not in noto or neither is None:
            continue
        pictures = [on_white(noto[key]) for key in (neither, name, woman)]
        images = image_vectors(model, processor, pictures)
        texts = text_vectors(model, processor, [NAME_PROMPT.format(key) for key in (name, woman)])
        man_nearer = (images @ texts.T).argmax(axis=1) == 0
        neutral.append(man_nearer[0])
        right += [man_nearer[1], not man_nearer[2]]
    return np.array(neutral), np.array(right)


def figures(corpus: Path | None) -> list[Figure]:
    """Return the figures of the model card; none without the corpora, which hold the pictures."""
    if corpus is None:
        return []
    model, processor = load()
    rows = drawings(corpus)
    found: list[Figure] = []

    def add(name: str, value: float | str, on: str) -> None:
        found.append(Figure(name, value, on, needs_corpus=True))

    trained = [r for r in rows if r.style in TRAINED_STYLES and side_of(r.name) != "new"]
    trained_images = image_vectors(model, processor, [on_white(row) for row in trained])
    trained_groups = [row.group for row in trained]
    tests = {
        "new style": vectors_of(model, processor, rows, "seen"),
        "new style, new emoji": vectors_of(model, processor, rows, "new"),
    }
    for name, test in tests.items():
        n = len(test.rows)
        on = f"{n:,} pictures, {HELD_OUT_STYLE}"
        groups = [row.group for row in test.rows]
        right = by_group(model, processor, test.rows, test.images)
        add(f"{name}: group out of 9, zero-shot, % (95 % interval)", per_cent(right), on)
        right = linear_probe(trained_images, trained_groups, test.images, groups)
        add(f"{name}: group, logistic regression on image vectors, %", per_cent(right), on)
        most = max(set(trained_groups), key=trained_groups.count)
        right = np.array([group == most for group in groups])
        add(f"{name}: group, always the most frequent, %", per_cent(right), on)
        distances = nearest_pixels(trained, test.rows)
        right = np.array([trained_groups[k] for k in distances.argmin(axis=1)]) == np.array(groups)
        add(f"{name}: group, nearest neighbour by pixels, %", per_cent(right), on)
        mean, low, high = many_way(test.images, test.texts)
        draws = f"{on}, {DRAWS} random sets of {WAYS}"
        shown = f"{mean:.1f} ({low:.1f} to {high:.1f})"
        add(f"{name}: name out of {WAYS}, zero-shot, % (95 % of the sets)", shown, draws)
        if name == "new style":
            pixels = round(many_way_pixels(distances, trained, test.rows), 1)
            add(f"{name}: name out of {WAYS}, nearest neighbour by pixels, %", pixels, draws)
            right = top_one(test.images, test.texts, np.arange(n))
            add(f"{name}: name out of all {n:,}, zero-shot, %", per_cent(right), on)
    neutral, right = read_as_men(model, processor, rows)
    on = f"{len(neutral)} pictures of people without a gender, {HELD_OUT_STYLE}"
    add("bias: nearer to 'man …' than to 'woman …', %", per_cent(neutral), on)
    on = f"{len(right)} pictures of men and women, {HELD_OUT_STYLE}"
    add("'man …' or 'woman …' told apart, %", per_cent(right), on)
    return found
