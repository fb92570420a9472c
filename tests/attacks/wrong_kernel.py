"""The kernel has another name and language.

base: reference
loses: nothing
"""


def change(notebook):
    notebook.metadata = {"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}}
