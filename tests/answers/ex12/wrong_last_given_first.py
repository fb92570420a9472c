"""The conditional the wrong way round: p(last | first).

loses: sums-bayes
"""


# %% sums-code
def every(weights, t):
    letters = len(weights["token"]) - 1
    x = torch.cartesian_prod(*[torch.arange(letters)] * t).reshape(-1, t)
    return letters, x, log_p(weights, x).exp()


def marginal(weights, t, place):
    letters, x, p = every(weights, t)
    return torch.zeros(letters).index_add(0, x[:, place], p)


def first_given_last(weights, t, last):
    letters, x, p = every(weights, t)
    joint = torch.zeros(letters).index_add(0, x[:, 0], p * (x[:, -1] == last))
    return joint / torch.zeros(letters).index_add(0, x[:, 0], p)
