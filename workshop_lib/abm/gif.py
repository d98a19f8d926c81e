"""The boards of a run as an animated GIF, made by Pillow alone. Used in lesson 07."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workshop_lib.abm.inputs import whole_number
from workshop_lib.errors import BadInputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from workshop_lib.abm.rules import Rules

MOST_STEPS = 1000  # of a model that is animated


def animation(
    run,
    file: str | Path,
    names: Sequence[str] | None = None,
    rules: Rules | None = None,
    milliseconds: int = 400,
    frames: int = 60,
) -> Path:
    """Write the boards of a run as a GIF that plays again and again, and return its path.

    Args:
        run: a list of boards; or what ``fast.run(…, keep_boards=True)`` returned; or a model with
            a board, such as ``Schelling`` or ``Epidemic`` on a grid, which then runs on to its end.
        file: where to write, ending in .gif; what is there is replaced.
        names: of the groups 0, 1, ….
        rules: if given, who is unhappy has a black rim; None: those of the model, if it has any.
        milliseconds: for which a frame is shown; the last one is shown for two seconds.
        frames: the most; of more boards, so many at equal distances are shown, the first and the
            last one among them. A model makes at most 1,000 steps.

    Raises:
        BadInputError: no boards, boards of several sizes, another ending, or the file can't be
            written.

    Used in lesson 07.
    """
    from PIL import Image

    from workshop_lib.plots.abm import boards as draw

    path = Path(file)
    if path.suffix.lower() != ".gif":
        raise BadInputError(
            f"The file is '{path}'. An animation is a GIF: give a name that ends in .gif."
        )
    whole_number("milliseconds", milliseconds, 20)
    whole_number("frames", frames, 2)
    boards = boards_of(run)
    rules = rules or getattr(run, "rules", None)
    groups = max(int(board.max()) for board in boards) + 1
    names = [*(names or ()), *(f"group {group}" for group in range(len(names or ()), groups))]
    shown = np.unique(np.linspace(0, len(boards) - 1, min(len(boards), frames)).round().astype(int))
    pictures = []
    for step in shown:
        figure = draw([boards[step]], [f"step {step}"], names, rules, inches=4)
        pictures.append(Image.open(io.BytesIO(png(figure))).convert("RGB").quantize(64))
    pause = [milliseconds] * (len(pictures) - 1) + [2000]
    content = io.BytesIO()
    pictures[0].save(
        content, "GIF", save_all=True, append_images=pictures[1:], duration=pause, loop=0
    )
    try:
        path.write_bytes(content.getvalue())
    except OSError as error:
        raise BadInputError(
            f"'{path}' can't be written: {error.strerror}. Give a file in a folder that is there."
        ) from None
    return path


def boards_of(run) -> list[np.ndarray]:
    """Return the boards of a run, a model or a list, all of one size."""
    if hasattr(run, "step") and hasattr(run, "board"):
        found = [run.board]
        while run.running and len(found) <= MOST_STEPS:
            run.step()
            found.append(run.board)
    elif hasattr(run, "boards"):
        found = list(run.boards)
        if not found:
            raise BadInputError(
                "The run kept no boards. Run it again: fast.run(…, keep_boards=True)."
            )
    else:
        found = [np.asarray(board) for board in run] if isinstance(run, Iterable) else []
    if not found or len({board.shape for board in found}) > 1 or found[0].ndim != 2:
        shapes = ", ".join(sorted({str(board.shape) for board in found})) or "none"
        raise BadInputError(
            f"The boards have these shapes: {shapes}. Give a list of at least one board, all of "
            "the same rows and columns."
        )
    return found


def png(figure: Figure) -> bytes:
    """Return a figure as the content of a PNG file."""
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()
