"""The parts of a page of HTML that stands alone: escaped texts, tables, figures, the file.

Nothing on the page is loaded from anywhere and nothing runs. Used in lesson 06.
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workshop_lib.errors import BadInputError
from workshop_lib.labeling.privacy import HIDDEN, scrub

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

CSS = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; }
h1, h2, h3 { line-height: 1.2; overflow-wrap: anywhere; } h2 { border-bottom: 1px solid #999; margin-top: 2.5rem; }
table { border-collapse: collapse; margin: 1rem 0; font-size: 0.9rem; }
caption { text-align: left; font-weight: 600; padding: 0.3rem 0; }
th, td { border: 1px solid #bbb; padding: 0.25rem 0.5rem; text-align: left; vertical-align: top;
  unicode-bidi: isolate; }
td:last-child { overflow-wrap: anywhere; }
th { background: #f2f2f2; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f7f7f7; border: 1px solid #ccc; padding: 0.7rem; }
.warning { border-left: 5px solid #d55e00; padding: 0.3rem 0.8rem; background: #fff5ee; }
.wide { overflow-x: auto; }
figure { margin: 1rem 0; }
svg { max-width: 100%; height: auto; }
@media print {
  body { margin: 0; max-width: none; font-size: 10.5pt; }
  .wide { overflow: visible; }
  tr, figure { break-inside: avoid; }
  h2, h3, caption { break-after: avoid; }
  thead { display: table-header-group; }
}
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"  # the browser loads nothing and runs nothing
SECRET_NAMES = re.compile(r"KEY|TOKEN|SECRET|PASSWORD", re.IGNORECASE)  # of environment variables


def say(value: object) -> str:
    """Return any value as text for HTML: escaped, without keys and without characters that no page may hold.

    Taken out is what looks like a key, and what an environment variable such as MY_API_KEY holds.

    >>> say("<b> sk-abcdefgh")
    '&lt;b&gt; •••'
    """
    text = str(value)
    for name, secret in os.environ.items():
        if len(secret) >= 12 and SECRET_NAMES.search(name):
            text = text.replace(secret, HIDDEN)
    text = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "\ufffd", scrub(text))
    return html.escape(text.encode("utf-8", "replace").decode("utf-8"), quote=True)


def paragraph(text: object) -> str:
    """Return a text as a paragraph."""
    return f"<p>{say(text)}</p>"


def warning(text: object) -> str:
    """Return a text as a paragraph that stands out."""
    return f'<p class="warning"><strong>Note:</strong> {say(text)}</p>'


def bullets(texts: Iterable[object]) -> str:
    """Return texts as a list; nothing if there are none."""
    listed = "".join(f"<li>{say(text)}</li>" for text in texts)
    return f"<ul>{listed}</ul>" if listed else ""


def preformatted(text: object) -> str:
    """Return a text with its line breaks."""
    return f"<pre>{say(text)}</pre>"


def number(value: object) -> str:
    """Return how a cell is written: whole numbers as such, others with three decimals, nothing as a dash.

    >>> [number(value) for value in (3, 0.5, float("nan"), "yes")]
    ['3', '0.500', '–', 'yes']
    """
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "–"
    if isinstance(value, float | np.floating):
        return f"{value:.3f}"
    return str(value)


def table(columns: Sequence[str], rows: Iterable[Sequence], caption: str, shade: bool = False) -> str:
    """Return a table whose first column names the rows.

    Args:
        columns: the headings.
        rows: the cells; numbers stand to the right.
        caption: above the table.
        shade: colour the numbers by their share of their row's sum; they are written all the same.
    """
    head = "".join(f'<th scope="col">{say(name)}</th>' for name in columns)
    body = []
    for first, *rest in rows:
        total = sum(value for value in rest if shade) or 1
        cells = [f'<th scope="row">{say(number(first))}</th>']
        for value in rest:
            is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
            kind = ' class="number"' if is_number else ""
            style = f' style="background: rgba(86, 180, 233, {0.8 * value / total:.2f})"' if shade else ""
            cells.append(f"<td{kind}{style}>{say(number(value))}</td>")
        body.append(f"<tr>{''.join(cells)}</tr>")
    return (
        f'<div class="wide"><table><caption>{say(caption)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>\n"
    )


def frame_table(frame: pd.DataFrame, caption: str, shade: bool = False) -> str:
    """Return a DataFrame as a table, its index as the first column."""
    columns = [frame.index.name or "", *frame.columns]
    rows = [(index, *row) for index, row in zip(frame.index, frame.itertuples(index=False, name=None), strict=True)]
    return table(columns, rows, caption, shade)


def inline_svg(figure: Figure, alternative: str, prefix: str) -> str:
    """Return a figure as SVG inside the page.

    Args:
        figure: of matplotlib.
        alternative: what the figure shows, in words.
        prefix: begins each id in the figure, so that two figures don't share one.
    """
    import io

    import matplotlib

    drawn = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "path", "svg.hashsalt": prefix}):
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    svg = drawn.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{prefix}", svg)
    svg = svg.replace("<svg", f'<svg role="img" aria-label="{say(alternative)}"', 1)
    return f"<figure>{svg}<figcaption>{say(alternative)}</figcaption></figure>\n"


def page(title: str, sections: Iterable[tuple[str, str]]) -> str:
    """Return a whole page: its title, and sections of a heading and HTML."""
    body = "".join(f"<section><h2>{say(heading)}</h2>\n{content}</section>\n" for heading, content in sections)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{say(title)}</title><style>{CSS}</style></head>\n"
        f"<body><main><h1>{say(title)}</h1>\n{body}</main></body></html>\n"
    )


def write(file: str | Path, text: str) -> Path:
    """Write a file whole or not at all, and return it.

    Raises:
        BadInputError: it can't be written. A file that was there before is then unharmed.
    """
    file = Path(file)
    draft = file.with_name(f"{file.name}.{os.getpid()}.draft")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, encoding="utf-8", newline="\n")
        os.replace(draft, file)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise BadInputError(
            f"{file} couldn't be written ({error}). Choose another folder, or free some space."
        ) from None
    return file
