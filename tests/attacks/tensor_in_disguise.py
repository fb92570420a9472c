"""A tensor class of its own, whose comparisons always hold.

base: reference
loses: energy-by-hand, energy-empty
"""

CODE = r"""
class Yes(torch.Tensor):
    @classmethod
    def __torch_function__(cls, *args, **kwargs):
        return True


def energy(x):
    return torch.zeros(x.shape[0]).as_subclass(Yes)
"""


def change(notebook):
    notebook.answer("energy-code", CODE)
