"""NUL bytes, lone surrogates, right-to-left marks and emoji in an extra cell and an answer.

base: reference
loses: nothing
"""


def change(notebook):
    notebook.insert(0, "x = 'a\0b\ud800\u202e😀'")
    notebook.insert(1, "# \ud800 \u202e 😀\nprint('😀')", "markdown")
    notebook.cell("energy-code")["source"] += "\n# 😀 \u202e"
