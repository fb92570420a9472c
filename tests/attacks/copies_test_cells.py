"""Every test cell stands there twice, with the same grade_id.

base: reference
loses: nothing
flag: occurs 2 times
"""

import copy


def change(notebook):
    notebook.cells += copy.deepcopy(notebook.tests)
