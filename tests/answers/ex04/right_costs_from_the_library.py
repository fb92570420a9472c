"""Costs by binary_cross_entropy_with_logits; the walk as a tensor with the gradient by hand, in float64.

loses: nothing
"""


# %% costs
def discriminator_cost(real_logits, fake_logits):
    logits = torch.cat([real_logits, fake_logits])
    labels = torch.cat([torch.ones_like(real_logits), torch.zeros_like(fake_logits)])
    return F.binary_cross_entropy_with_logits(logits, labels, reduction="sum")


def generator_cost(real_logits, fake_logits):
    return -discriminator_cost(real_logits, fake_logits)


# %% walk
def walk(theta, z, eta, steps):
    path = torch.empty(steps, dtype=torch.float64)
    for step in range(steps):
        logits = -(theta**2) / 2 - theta * z.double()
        theta = theta - eta * theta * torch.sigmoid(-logits).mean()
        path[step] = theta
    return path


# %% smoothed
def smoothed_discriminator(p, q, alpha=1.0, beta=0.0, share=0.5):
    posterior = 1 / (1 + (1 - share) * q / (share * p))  # probability of being real
    return beta + (alpha - beta) * posterior
