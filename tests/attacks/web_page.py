"""The page around the notebook instead of the notebook.

base: reference
loses: everything
status: unreadable
flag: web page
"""


def change(notebook):
    return b"<!DOCTYPE html><html>sign in</html>"
