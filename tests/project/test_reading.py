"""What the book adds for its readers: minutes, names of predictions, and the glossary's terms in a text."""

import copy
import re
from pathlib import Path

import nbformat
import pytest

from course_utils.commands import book, reading

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
TERMS = """# Symbols and terms

| $s$ | logit | `logits` | 00 |

## Terms

| term | meaning | chapter |
|---|---|---|
| code, latent vector | the few numbers of $\\mu + \\sigma$ and `x` | 01 |
| GAN, generative adversarial network | two networks | 03 |
| posterior | of $z$ | 02 |
| posterior collapse | says nothing | 02 |
| VAE–GAN | both | 09 |
"""


@pytest.fixture
def glossary():
    return reading.Glossary(TERMS)


def linked(glossary, text: str, page: str = "00", used: set[str] | None = None) -> list[str]:
    pieces = [*glossary.split(text, page, set() if used is None else used)]
    assert "".join(words for words, _ in pieces) == text, "nothing is lost"
    return [f"{words} → {row.place}" for words, row in pieces if row]


def test_the_first_use_of_a_term_is_found_in_any_of_its_forms(glossary):
    assert linked(glossary, "GANs, a GAN, generative adversarial networks") == ["GANs → term-gan"]
    assert linked(glossary, "A generative\nadversarial network.") == ["generative\nadversarial network → term-gan"]
    assert linked(glossary, "Latent vectors") == ["Latent vectors → term-code"]
    used = set()
    assert linked(glossary, "the posterior", used=used) == ["posterior → term-posterior"]
    assert linked(glossary, "the posterior again", used=used) == []


def test_a_word_in_another_word_is_no_term_and_the_longest_term_counts(glossary):
    assert linked(glossary, "elegant, gan, GANx, β-GAN, a GAN-like thing") == []
    assert linked(glossary, "a VAE–GAN") == ["VAE–GAN → term-vae-gan"]
    found = linked(glossary, "posterior collapse, then posterior collapse, then the posterior")
    assert found == ["posterior collapse → term-posterior-collapse", "posterior → term-posterior"]


def test_a_word_is_not_linked_where_it_means_something_else(glossary):
    assert linked(glossary, "read the code") == []
    assert linked(glossary, "the posterior", page="11_diffusion") == []


def test_a_meaning_is_plain_text_and_its_row_has_a_place(glossary):
    row = glossary.rows[0]
    assert (row.meaning, row.place) == ("the few numbers of μ + σ and x", "term-code")


def test_the_glossary_is_the_table_of_terms():
    text = (ROOT / "notebooks" / "notation.md").read_text(encoding="utf-8")
    rows = reading.Glossary(text).rows
    assert len(rows) == text.partition("## Terms")[2].count("\n| ") - 1, "all but the head"
    assert len({row.place for row in rows}) == len(rows)
    assert len({name for row in rows for name in row.names}) == sum(len(row.names) for row in rows)
    assert [row.meaning for row in rows if re.search(r"[$`\\*|]", row.meaning) or len(row.meaning) > 110] == []
    names = {name for row in rows for name in row.names}
    assert reading.OTHERWISE.keys() <= names, "an exception for a term that is gone"


def test_a_predictions_name_comes_from_its_own_words():
    taken = set()
    first = reading.prediction("❓ Predict. \\theta starts at 0, the data sit at 3. Where does it end?", taken)
    assert first == "predict-theta-starts-at-0-the-data-sit-at"
    later = reading.prediction("❓ Predict. \\theta starts at 0, the data sit at 3. And where does it end?", set())
    assert later == first, "a change behind its first words keeps what was typed"
    assert reading.prediction("❓ Predict. Is that so?", taken) == "predict-is-that-so"
    assert reading.prediction("❓ Predict. Is that so?", taken) == "predict-is-that-so-2"
    assert reading.prediction("❓ Predict. A guess in writing teaches more.", taken) is None
    assert reading.prediction("⚠ Common mistake. Is this one?", taken) is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_minutes_stand_below_the_title(path):
    notebook = nbformat.read(path, as_version=4)
    headings = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    timed = re.findall(r"^## (.+) · (\d+) min$", "\n".join(headings), re.M)
    on_headings = sum(int(minutes) for title, minutes in timed if "Further" not in title)
    first = book.page(copy.deepcopy(notebook)).cells[0].source
    title, minutes = re.match(r'# (.+)\n\n<p class="minutes" data-core="(\d+)">\2 minutes.*</p>\n', first).groups()
    assert title in headings[0]
    assert on_headings <= int(minutes) <= on_headings + 10, "with what stands before the first section"


def test_a_notebook_without_minutes_gets_no_line():
    cells = [nbformat.v4.new_markdown_cell("# Exercise\n\nWords."), nbformat.v4.new_markdown_cell("## Task 1")]
    assert book.page(nbformat.v4.new_notebook(cells=cells)).cells[0].source == "# Exercise\n\nWords."
