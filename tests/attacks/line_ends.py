"""Windows line ends, a byte order mark, sources as lists of lines.

base: reference
loses: nothing
"""


def change(notebook):
    for cell in notebook.cells:
        cell["source"] = cell["source"].replace("\n", "\r\n").splitlines(keepends=True)
    return b"\xef\xbb\xbf" + notebook.dumps()
