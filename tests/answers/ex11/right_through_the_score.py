"""The guess by autograd from the log-density (Tweedie's formula); the walk by recursion of conventions.

loses: nothing
"""


# %% denoise-code
def denoise(x, sigma, points, shares):
    place = x.detach().clone().requires_grad_()
    logs = shares.log() - ((place[:, None] - points[None]) ** 2).sum(dim=-1) / (2 * sigma**2)
    (score,) = torch.autograd.grad(torch.logsumexp(logs, dim=1).sum(), place)
    return x + sigma**2 * score


# %% views-code
def views(x, sigma, x_hat):
    noise = x / sigma - x_hat / sigma
    return dict(noise=noise, score=(x_hat - x) / sigma**2, velocity=noise - x_hat)


def to_road(x, a, sigma):
    total = a + sigma
    return x / total, float(sigma / total)
