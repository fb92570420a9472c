"""Uses the same noise for every picture of the batch.

loses: kl-sampling-test, draw-test, pathwise-mu-test, pathwise-logvar-test
"""


# %% kl-sampling-code
def kl_by_sampling(mu_q, logvar_q, mu_p, logvar_p, draws):
    z = mu_q + torch.randn(draws, 1, 1) * (0.5 * logvar_q).exp()
    q = torch.distributions.Normal(mu_q, (0.5 * logvar_q).exp())
    p = torch.distributions.Normal(mu_p, (0.5 * logvar_p).exp())
    return (q.log_prob(z) - p.log_prob(z)).sum(dim=-1).mean(dim=0)


# %% draw-code
def draw_codes(mu, logvar, draws):
    return mu + torch.randn(draws, 1, mu.shape[1]) * (0.5 * logvar).exp()
