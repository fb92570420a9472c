"""Lets a shared p run along the rows instead of along the coordinates.

loses: kl-shared-prior-test
"""


# %% kl-code
def kl_gaussians(mu_q, logvar_q, mu_p, logvar_p):
    if mu_p.dim() == 1 and len(mu_p) == len(mu_q):
        mu_p, logvar_p = mu_p[:, None], logvar_p[:, None]
    shift = (mu_q - mu_p) ** 2 * (-logvar_p).exp()
    return 0.5 * (logvar_p - logvar_q + (logvar_q - logvar_p).exp() + shift - 1).sum(dim=1)
