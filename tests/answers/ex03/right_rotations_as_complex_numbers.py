"""The circling players as powers of a matrix and of a complex number.

loses: nothing
"""


# %% rounds
def simultaneous_rounds(x, y, a, eta, steps):
    place = complex(x, y) * (1 + 1j * a * eta) ** steps
    return torch.tensor(place.real), torch.tensor(place.imag)


def alternating_rounds(x, y, a, eta, steps):
    h = a * eta
    one_round = torch.tensor([[1.0, -h], [h, 1.0 - h * h]], dtype=torch.float64)
    return (torch.linalg.matrix_power(one_round, steps) @ torch.tensor([x, y], dtype=torch.float64)).tolist()


# %% growth
def growth(a, eta):
    return math.hypot(1.0, a * eta)


def rounds_to_double(a, eta):
    return 1 / math.log2(growth(a, eta))
