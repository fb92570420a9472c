"""Measures the distance of the means without p's variance.

loses: kl-direction-test, kl-shared-prior-test
"""


# %% kl-code
def kl_gaussians(mu_q, logvar_q, mu_p, logvar_p):
    shift = (mu_q - mu_p) ** 2
    return 0.5 * (logvar_p - logvar_q + (logvar_q - logvar_p).exp() + shift - 1).sum(dim=1)
