"""Takes the determinant, which is |λ|², for the factor of the distance.

loses: growth-factor, growth-doubling
"""


# %% growth
def growth(a, eta):
    return 1 + (a * eta) ** 2


def rounds_to_double(a, eta):
    return math.log(2) / math.log(growth(a, eta))
