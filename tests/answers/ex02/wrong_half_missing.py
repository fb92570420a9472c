"""Forgets the one half.

loses: kl-by-hand-test, kl-direction-test, kl-stable-test, kl-shared-prior-test
"""


# %% kl-code
def kl_gaussians(mu_q, logvar_q, mu_p, logvar_p):
    shift = (mu_q - mu_p) ** 2 * (-logvar_p).exp()
    return (logvar_p - logvar_q + (logvar_q - logvar_p).exp() + shift - 1).sum(dim=1)
