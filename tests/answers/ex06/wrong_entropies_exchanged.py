"""Exchanges the two entropies.

loses: entropies, entropies-zeros
"""


# %% entropy-code
def two_entropies(probabilities):
    """H(y) and H(y|x), two floats in nats, from predictions (n, classes) whose rows sum to 1. Zeros may occur."""

    def entropy(p):
        return -torch.special.xlogy(p, p).sum(dim=-1)

    p = probabilities.double()
    return entropy(p).mean().item(), entropy(p.mean(dim=0)).item()


def best_inception_score(shares):
    """The highest inception score of a generator that draws the classes in these shares (classes,), summing to 1."""
    return math.exp(two_entropies(shares.view(1, -1))[0])
