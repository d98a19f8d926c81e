"""Sphinx's settings for the site. Nothing here needs the network, when building or reading."""

import re

project = "Large language models for social scientists"
html_title = project
author = "the course's authors"
language = "en"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = []

# Notebooks: executed beforehand; no widgets, whose scripts would come from a CDN.
nb_execution_mode = "off"
nb_merge_streams = True
nb_ipywidgets_js = {}
nb_code_prompt_show = "Show the solution"
nb_code_prompt_hide = "Hide the solution"

# Markdown: formulas between dollar signs, drawn by setup() below.
myst_enable_extensions = ["amsmath", "dollarmath"]
myst_update_mathjax = False
html_math_renderer = "mathml"

# Docstrings: Google style, with the course's own section Source.
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_param = False
napoleon_use_rtype = False
napoleon_custom_sections = [("Source", "returns_style")]
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 72
add_module_names = False

pygments_dark_style = "github-dark"
html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["course.css"]
html_js_files = ["search.js"]
html_favicon = "static/icon.svg"
html_copy_source = False
html_show_copyright = False
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#005a8e",
        "color-brand-content": "#005a8e",
        "color-brand-visited": "#5d3f8e",
    },
    "dark_css_variables": {
        "color-brand-primary": "#7cc4f0",
        "color-brand-content": "#7cc4f0",
        "color-brand-visited": "#c3a6f0",
    },
    "navigation_with_keys": True,
}


# Marks that reStructuredText would read; a * before a space begins a list, or is a product.
MARKS = re.compile(r"\*(?!\s)|\||(?<=\w)_(?!\w)")


def setup(app):
    """Register what the course adds to Sphinx: formulas without a script, code in docstrings."""
    app.add_html_math_renderer("mathml", (write_inline, None), (write_block, None))
    app.connect("autodoc-process-docstring", read_as_text, priority=100)  # before napoleon
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def read_as_text(app, kind, name, described, options, lines):
    """Read docstrings as plain text with ``code``: other marks stand for themselves.

    So |a| and a * b stay as written, and an indented block after a colon is code.
    """
    if lines and lines[0].startswith("Alias for field number"):  # Python's own, in named tuples
        lines.clear()
    code, doctest = None, False  # how far the line before a block of code is indented
    for number, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if not line.strip():
            doctest = False
            continue
        if code is not None and indent > code:
            continue
        doctest = doctest or line.lstrip().startswith(">>>")
        code = None
        if doctest:
            continue
        if line.endswith(":") and not "".join(lines[number + 1 : number + 2]).strip():
            block = "".join(lines[number + 2 : number + 3])
            if len(block) - len(block.lstrip()) > indent:
                code = indent
                line = f"{line.rstrip(':')}::"
        parts = re.split(r"(`+[^`]+`+)", line)  # what stands in backquotes is left alone
        parts[::2] = [MARKS.sub(r"\\\g<0>", part) for part in parts[::2]]
        lines[number] = "".join(parts)


# ── Formulas: LaTeX becomes MathML, which browsers show by themselves ──


def write_inline(translator, node):
    """Write a formula that stands in a line of text."""
    translator.body.append(mathml(node))
    _skip()


def write_block(translator, node):
    """Write a formula that stands in a line of its own, with its number if it has one."""
    number = f'<span class="equation-number">({node["number"]})</span>' if node["number"] else ""
    translator.body.append(translator.starttag(node, "div", CLASS="formula"))
    translator.body.append(f"{mathml(node, as_block=True)}{number}</div>\n")
    _skip()


def mathml(node, as_block=False):
    """Return a formula as MathML; a formula that can't be read is a warning and stays LaTeX."""
    from html import escape

    from docutils.utils.math.latex2mathml import tex2mathml
    from sphinx.util import logging

    latex = re.sub(r"\\dots(?![a-z])", r"\\ldots", node.astext())  # docutils lacks this one
    try:
        drawn = tex2mathml(latex, as_block=as_block)
        # A bar has no space around it, as in LaTeX.
        return re.sub(r"<mo([^>]*)>([|‖])</mo>", r'<mo\1 lspace="0" rspace="0">\2</mo>', drawn)
    except Exception as error:  # docutils raises its own MathError, and others on odd input
        logging.getLogger(__name__).warning("the formula %s: %s", latex, error, location=node)
        return f"<code>{escape(latex)}</code>"


def _skip():
    from docutils.nodes import SkipNode

    raise SkipNode
