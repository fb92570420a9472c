# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 99 · A tiny exercise
#
# It exists for the grader's own tests and has one of everything.

# %% nbgrader={"grade": false, "grade_id": "student-id", "locked": false, "schema_version": 3, "solution": true}
student_id = "s000000"

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false}
import torch
from torch import nn

from course_utils.checks import when_ready

WIDTH = 4

# %% [markdown]
# **Task 1.** The mean of the squares of all values.


# %% nbgrader={"grade": false, "grade_id": "energy-code", "locked": false, "schema_version": 3, "solution": true}
def energy(x):
    """x: (batch, n). Returns the mean of the squares of each row, (batch,)."""
    ### BEGIN SOLUTION
    return (x**2).mean(dim=1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "energy-by-hand", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

close(energy(torch.ones(2, 3)), torch.ones(2), "Every value is 1, so the mean of the squares of each row is 1.")
### BEGIN HIDDEN TESTS
x = torch.randn(3, 7, generator=torch.Generator().manual_seed(1))
close(energy(x), (x * x).sum(1) / 7, "Square first, then take the mean over each row.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "energy-empty", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

close(energy(torch.zeros(1, 5)), torch.zeros(1), "A batch of one row is a batch too.")

# %% nbgrader={"grade": false, "grade_id": "demonstration", "locked": true, "schema_version": 3, "solution": false}
with when_ready():
    print("Energies:", energy(torch.arange(6.0).reshape(2, 3)))

# %% [markdown]
# **Task 2.** A layer that has a `width`, and refuses negative widths with a `ValueError`.


# %% nbgrader={"grade": false, "grade_id": "layer-code", "locked": false, "schema_version": 3, "solution": true}
class Layer(nn.Module):
    """Layer(width): doubles tensors (…, width)."""

    ### BEGIN SOLUTION
    def __init__(self, width):
        super().__init__()
        if width < 0:
            raise ValueError(f"width is {width}")
        self.width = width
        self.factor = nn.Parameter(torch.tensor(2.0))

    def forward(self, x):
        return self.factor * x

    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "layer-doubles", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close

layer = Layer(WIDTH)
check(layer.width == 4, "The layer keeps its width.")
x = torch.arange(8.0).reshape(2, 4)
close(layer(x), x + x, "The layer doubles its input.")
check(len(list(layer.parameters())) == 1, "The factor is the one parameter.")
### BEGIN HIDDEN TESTS
x = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
close(Layer(width=5)(x), 2 * x, "The layer doubles its input, whatever its shape.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "layer-refuses", "locked": true, "points": 1, "schema_version": 3, "solution": false}
from course_utils.checks import CheckFailed

try:
    Layer(-1)
except ValueError:
    pass
else:
    raise CheckFailed("A negative width makes no sense: raise a ValueError.")
Layer(0)  # an empty layer is one

# %% [markdown]
# **Task 3.** `kinds_right()` returns how many of the two kinds of mean you can name (for partial points).


# %% nbgrader={"grade": false, "grade_id": "partial-code", "locked": false, "schema_version": 3, "solution": true}
def means():
    """Returns the names of two kinds of mean, as a list."""
    ### BEGIN SOLUTION
    return ["arithmetic", "geometric"]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "means-named", "locked": true, "points": 2, "schema_version": 3, "solution": false}
len({"arithmetic", "geometric", "harmonic"} & set(means()[:2]))

# %% [markdown]
# **Question 4.** Why are the values squared?

# %% [markdown] nbgrader={"grade": true, "grade_id": "why-squares", "locked": false, "points": 3, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# One point for each of: sign, smoothness, energy adds up.
# ### END MARK SCHEME
# Because otherwise positive and negative values cancel.
