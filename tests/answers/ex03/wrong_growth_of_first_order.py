"""Believes that the distance grows in proportion to the rate, by 1 + aη a round.

loses: growth-factor, growth-doubling
"""


# %% growth
def growth(a, eta):
    return 1 + a * eta


def rounds_to_double(a, eta):
    return math.log(2) / math.log(1 + abs(a) * eta)
