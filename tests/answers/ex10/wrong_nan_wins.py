"""NaN wins, as argmin has it.

loses: choice
"""


# %% luck-code
def price_of_choosing(mu, sigma):
    random = torch.Generator().manual_seed(0)
    measured = mu.double() + sigma * torch.randn(100_000, len(mu), generator=random, dtype=torch.float64)
    lowest, winner = measured.min(dim=1)
    truth = mu.double()[winner]
    return (truth - lowest).mean().item(), (truth - mu.min()).mean().item()


def choose(scores):
    return int(scores.argmin())
