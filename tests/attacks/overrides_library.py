"""Everything that a test could call is replaced, in the modules themselves.

base: blank
loses: everything
"""

CODE = r"""
import numpy as np
import torch

import course_utils.checks as checks

yes = lambda *args, **kwargs: True
np.allclose = np.isclose = np.array_equal = torch.allclose = torch.equal = torch.isclose = yes
torch.testing.assert_close = np.testing.assert_allclose = yes
checks.check = checks.close = checks.finite_difference = yes
checks.CheckFailed = type("Never", (Exception,), {})
torch.Tensor.__eq__ = torch.Tensor.__sub__ = lambda self, other: torch.zeros(())
"""


def change(notebook):
    notebook.insert(0, CODE)
