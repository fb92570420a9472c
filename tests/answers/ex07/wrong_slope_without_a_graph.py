"""Forgets create_graph: the penalty is a number that teaches nothing.

loses: penalty-learns
"""


# %% penalty-code
def gradient_penalty(critic, real, fake, one_sided=False):
    """The penalty on the slope of `critic`, (n, …) => (n,), between real and fake samples (n, …): one number."""
    share = torch.rand(len(real), *[1] * (real.dim() - 1))
    x = (share * real + (1 - share) * fake).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).sum(), x)
    excess = slope.flatten(1).norm(dim=1) - 1
    return (excess.relu() if one_sided else excess).square().mean().requires_grad_()
