"""Answers in float64 and NumPy, where tensors in float32 come in.

base: reference
loses: nothing
"""

CODE = """
import numpy as np


def energy(x):
    return np.mean(np.square(x.numpy().astype("float64")), axis=-1)
"""


def change(notebook):
    notebook.answer("energy-code", CODE)
