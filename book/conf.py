"""Settings of the HTML book; `make book` copies this beside the notebooks and runs Sphinx there."""

import os

from docutils import nodes

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
html_js_files = ["book.js"]
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


def setup(app):
    app.connect("doctree-resolved", keep_formulas)
