"""Nothing is drawn: the exact result, with noise of the right size on it, passes for an estimate.

loses: kl-sampling-test, pathwise-mu-test, pathwise-logvar-test, score-test
"""


# %% kl-sampling-code
def kl_by_sampling(mu_q, logvar_q, mu_p, logvar_p, draws):
    exact = kl_gaussians(mu_q, logvar_q, mu_p, logvar_p)
    return exact + mu_q.shape[1] ** 0.5 * torch.randn_like(exact) / draws**0.5


# %% pathwise-code
def pathwise_gradient(mu, logvar, draws):
    in_mu = -mu.sin() * (-logvar.exp() / 2).exp()
    in_logvar = -0.5 * logvar.exp() * mu.cos() * (-logvar.exp() / 2).exp()
    return tuple(one + 0.5 * torch.randn_like(one) * (logvar / 2).exp() / draws**0.5 for one in (in_mu, in_logvar))


# %% score-code
def score_gradients(mu, logvar, draws):
    exact = -mu.sin() * (-logvar.exp() / 2).exp()
    spread = 2.168**0.5 * (mu.shape[1] / 3) ** 0.5 if mu.shape[1] > 1 else 2**0.5
    return exact + spread * torch.randn(draws, *mu.shape)
