"""Takes the root of a sum of squares, whose derivative at 0 is infinite.

loses: penalty-learns
"""


# %% penalty-code
def gradient_penalty(critic, real, fake, one_sided=False):
    """The penalty on the slope of `critic`, (n, …) => (n,), between real and fake samples (n, …): one number."""
    share = torch.rand(len(real), *[1] * (real.dim() - 1))
    x = (share * real + (1 - share) * fake).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    excess = slope.flatten(1).square().sum(dim=1).sqrt() - 1
    return (excess.relu() if one_sided else excess).square().mean()
