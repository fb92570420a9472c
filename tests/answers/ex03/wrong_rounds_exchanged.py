"""Simultaneous play uses the new x, alternating play the old one: the two are exchanged.

loses: rounds-simultaneous, rounds-alternating
"""


# %% rounds
def simultaneous_rounds(x, y, a, eta, steps):
    for _ in range(steps):
        x = x - eta * a * y
        y = y + eta * a * x
    return x, y


def alternating_rounds(x, y, a, eta, steps):
    for _ in range(steps):
        x, y = x - eta * a * y, y + eta * a * x
    return x, y
