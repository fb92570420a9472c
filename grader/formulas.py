"""TeX formulas in feedback as MathML, which every browser shows without a network and without scripts."""

import re
from collections.abc import Callable

TEX = re.compile(r"\$\$(?P<display>[^$]{1,2000})\$\$|(?<![\\\w$])\$(?P<inline>[^$\n]{1,400})(?<!\s)\$(?!\w)", re.S)
TAGS = re.compile(
    r"</?(?:math|mrow|mi|mo|mn|mtext|mspace|mfrac|msqrt|mroot|msub|msup|msubsup|munder|mover|munderover|mtable|mtr|mtd"
    r"|mstyle|mpadded|mphantom|menclose)(?: [a-z]+=\"[\w .%#:,-]*\")*/?>|[^<>]"
)


def mathml(tex: str, display: bool) -> str | None:
    """A formula as MathML; None where the converter is not installed or does not know it."""
    try:
        from latex2mathml.converter import convert
    except ImportError:
        return None
    try:
        made = convert(tex, display="block" if display else "inline")
    except Exception:  # learners write formulas that no converter has seen
        return None
    made = made.replace(' xmlns="http://www.w3.org/1998/Math/MathML"', "")
    return made if "".join(TAGS.findall(made)) == made else None  # nothing but formulas comes out of formulas


def shown(words: str, text: Callable[[object], str]) -> str:
    """Words as HTML, their formulas as MathML where that is possible; `text` escapes."""
    parts, end = [], 0
    for found in TEX.finditer(words):
        tex, display = found["display"] or found["inline"], found["display"] is not None
        made = mathml(tex, display)
        parts += [text(words[end : found.start()]), made or f"<code>{text(tex)}</code>"]
        end = found.end()
    return "".join([*parts, text(words[end:])])
