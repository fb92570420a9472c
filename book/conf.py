"""Settings of the HTML book; `make book` copies this beside the notebooks and runs Sphinx there."""

import os
import re
from pathlib import Path

from docutils import nodes
from pygments.formatters import HtmlFormatter
from sphinx.highlighting import PygmentsBridge

from course_utils.commands import reading

project = "Generative models in PyTorch"
author = "the authors of the course"
copyright = "MIT licence"
language = "en"

extensions = ["myst_nb", "sphinx_copybutton"]
nb_execution_mode = "off"  # the outputs are those that the notebooks carry
nb_merge_streams = True
nb_render_markdown_format = "myst"
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 4
myst_dmath_double_inline = True
exclude_patterns = ["_build"]
suppress_warnings = ["mystnb.unknown_mime_type", "myst.header"]  # a chapter's Summary may stand under any heading

mathjax_path = "mathjax/tex-svg.js"  # one file, with its glyphs as paths: it works from a folder, without a network
mathjax3_config = {
    "tex": {"inlineMath": [["\\(", "\\)"]], "displayMath": [["\\[", "\\]"]]},
    "svg": {"fontCache": "global"},
}

html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["_static"]
html_css_files = ["book.css"]
html_js_files = ["book.js", "reading.js"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {
    "use_download_button": True,
    "use_fullscreen_button": False,
    "home_page_in_toc": True,
    "show_toc_level": 2,
    "use_repository_button": False,
}
if address := os.environ.get("COURSE_REPOSITORY"):  # set by the command where the repository has one
    html_theme_options |= {
        "repository_url": address,
        "repository_branch": os.environ.get("COURSE_TAG", "main"),
        "path_to_docs": "",
        "use_repository_button": True,
        "launch_buttons": {"colab_url": "https://colab.research.google.com"},
    }
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True


def keep_formulas(app, document, name):
    """Leave formulas with line breaks as they are: Sphinx would put them into a `split`, where no \\tag may stand."""
    for formula in document.findall(nodes.math_block):
        if r"\\" in (text := formula.astext()) and not formula.get("no-wrap", formula.get("nowrap")):
            formula["no-wrap"] = formula["nowrap"] = True
            formula.children = [nodes.Text(rf"\[{text}\]")]


NOTATION = "notebooks/notation"
glossary = reading.Glossary(Path(__file__).with_name("notebooks").joinpath("notation.md").read_text(encoding="utf-8"))
UNLINKED = (nodes.title, nodes.thead, nodes.reference, nodes.literal, nodes.literal_block, nodes.math, nodes.raw)


def name_predictions(app, document, name):
    """Give every prediction that asks something a name of its own, under which the page keeps the reader's answer."""
    taken = set()
    for box in document.findall(nodes.block_quote):
        if place := reading.prediction(box.astext(), taken):
            box["ids"].append(place)
            box["classes"].append("predict")


def keep_minutes_together(app, document):
    """No line break after the dot of "· 8 min" on a heading, there and in the page's contents."""
    for title in document.findall(nodes.title):
        last = title.children[-1]
        if found := re.search(r"· \d+ min$", last.astext()):
            together = found[0].replace(" ", "\N{NO-BREAK SPACE}")
            title.replace(last, nodes.Text(last.astext()[: found.start()] + together))


def prose(node):
    """The texts below `node` in which a term may be linked: not code, outputs, formulas, headings, links, sources."""
    for child in node.children:
        if isinstance(child, nodes.Text):
            yield child
        elif isinstance(child, UNLINKED) or "cell" in child.get("classes", ()):
            continue
        elif not (isinstance(child, nodes.section) and child[0].astext() == "References"):
            yield from prose(child)


def link_terms(app, document, name):
    """Link the first use of each term to its row in the glossary, whose line is the link's title."""
    if name == NOTATION:
        (terms,) = (one for one in document.findall(nodes.section) if one[0].astext() == "Terms")
        for node, row in zip(next(terms.findall(nodes.tbody)).children, glossary.rows, strict=True):
            node["ids"].append(row.place)
        return
    there, used = app.builder.get_relative_uri(name, NOTATION), set()
    for text in [*prose(document)]:
        pieces = [*glossary.split(text.astext(), name.rpartition("/")[2], used)]
        if len(pieces) == 1:
            continue
        linked = [
            nodes.reference(
                "", word, refuri=f"{there}#{row.place}", reftitle=row.meaning, classes=["term"], internal=True
            )
            if row
            else nodes.Text(word)
            for word, row in pieces
            if word
        ]
        text.parent.replace(text, linked)


class Rows(HtmlFormatter):
    """Every line of code in a span that knows its indentation: a line that is too long goes on below its beginning."""

    def wrap(self, source):
        return super().wrap(self.rows(source))

    def rows(self, source):
        for is_code, line in source:
            words = re.sub("<[^>]+>", "", line)
            indent = len(words) - len(words.lstrip(" ")) if words.strip() else 0
            in_columns = " columns" * bool(re.search(r"\S {2,}\S", words))
            yield is_code, f'<span class="one-line{in_columns}" style="--in:{indent}ch">{line}</span>'


PygmentsBridge.html_formatter = Rows


def setup(app):
    app.connect("doctree-resolved", keep_formulas)
    app.connect("doctree-read", keep_minutes_together, priority=400)  # before the contents are collected
    app.connect("doctree-resolved", name_predictions)
    app.connect("doctree-resolved", link_terms)
