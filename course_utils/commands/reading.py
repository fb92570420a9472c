"""What the book adds for its readers: minutes, names for predictions, and the glossary's terms in running text.

The glossary is the table of terms of notebooks/notation.md: a row is a term and its other names, one line of meaning,
and chapters. book/conf.py links the first use on each page to its row; without scripts the links are links.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from course_utils.commands import form

TIMED = re.compile(r"^## .+ · \d+ min$", re.M)
LETTERS = {"mu": "μ", "sigma": "σ", "varepsilon": "ε", "tau": "τ", "log": "log"}  # of formulas in a meaning
# Words that mean something else on the pages that begin so, and are not linked there; everyday words nowhere.
OTHERWISE = {
    **dict.fromkeys(("code", "pass", "projection", "schedule", "score", "step"), ("",)),
    "band": ("11",),
    "batch": ("README",),
    "coverage": ("09",),
    "decoder": ("12", "ex12"),
    "posterior": ("11", "ex11"),
    "precision": ("00", "01", "02", "03", "04", "92", "94", "ex02", "ex04"),
    "temperature": ("92",),
}


def byline(notebook) -> str | None:
    """A line for a page's top that says how long its chapter takes to read, where the headings carry minutes."""
    if not any(cell.cell_type == "markdown" and TIMED.search(cell.source) for cell in notebook.cells):
        return None
    measured = form.form(notebook)
    core, further = round(measured.core), round(measured.minutes - measured.core)
    words = f"{core} minutes" + f", and {further} for what is headed <em>Further</em>" * bool(further)
    return f'<p class="minutes" data-core="{core}">{words}</p>'


def slug(words: str, most: int | None = None) -> str:
    """The first `most` words, fit for a place in a page: letters and digits, joined by hyphens."""
    return "-".join(re.findall(r"[a-z0-9]+", words.lower())[:most])


def prediction(words: str, taken: set[str]) -> str | None:
    """The place of a prediction in its page, made of its first eight words; None if nothing is asked.

    What a reader types is kept under this name: it stays when anything else on the page changes.
    """
    asked = re.match(r"❓\s*Predict\.\s*(.+)", words, re.S)
    if not asked or "?" not in asked[1]:
        return None
    name, k = f"predict-{slug(asked[1], 8)}", 2
    while name in taken:
        name, k = f"predict-{slug(asked[1], 8)}-{k}", k + 1
    taken.add(name)
    return name


class Row(NamedTuple):
    names: tuple[str, ...]
    meaning: str
    place: str


def plain(text: str) -> str:
    """A meaning as text, for places where no formula can stand."""
    text = re.sub(r"[$`*]", "", text.replace("$-", "−"))
    return re.sub(r"\\([a-z]+)", lambda letter: LETTERS[letter[1]], text)


class Glossary:
    """The terms of notation.md, and where they occur in a text."""

    def __init__(self, page: str):
        lines = re.findall(r"^\| (.+?) \| (.+) \| [\d, ]+ \|$", page.partition("\n## Terms\n")[2], re.M)
        self.rows = [
            Row(tuple(names.split(", ")), plain(meaning), f"term-{slug(names.partition(',')[0])}")
            for names, meaning in lines
        ]
        self.written = {}  # as it may stand in a text: the name and its row
        for row in self.rows:
            for name in row.names:
                for ending in ("", "s", "es"):
                    self.written[(name if name.isupper() else name.lower()) + ending] = name, row
        words = (self.as_pattern(word) for word in sorted(self.written, key=len, reverse=True))
        self.pattern = re.compile(rf"(?<![\w–-])(?:{'|'.join(words)})(?![\w–-])")

    @staticmethod
    def as_pattern(word: str) -> str:
        """Lines break anywhere; only abbreviations must be in capitals."""
        pattern = re.escape(word).replace(r"\ ", r"\s+").replace("'", "['’]")
        return f"(?i:{pattern})" if word.islower() else pattern

    def split(self, text: str, page: str, used: set[str]) -> Iterator[tuple[str, Row | None]]:
        """`text` in pieces, each with its row where it is the first use of a term on the page called `page`.

        `used` holds the places of the rows that were linked before, and grows.
        """
        begin = 0
        for match in self.pattern.finditer(text):
            word = re.sub(r"\s+", " ", match[0]).replace("’", "'")
            name, row = self.written.get(word) or self.written[word.lower()]
            if row.place in used or page.startswith(OTHERWISE.get(name, ())):
                continue
            used.add(row.place)
            yield text[begin : match.start()], None
            yield match[0], row
            begin = match.end()
        yield text[begin:], None
