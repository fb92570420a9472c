"""Divides two exponentials, each of which may be infinite.

loses: kl-stable-test
"""


# %% kl-code
def kl_gaussians(mu_q, logvar_q, mu_p, logvar_p):
    ratio = logvar_q.exp() / logvar_p.exp()
    return 0.5 * (ratio - 1 - logvar_q + logvar_p + (mu_q - mu_p) ** 2 / logvar_p.exp()).sum(dim=1)
