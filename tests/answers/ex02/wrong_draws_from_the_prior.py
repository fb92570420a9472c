"""Averages log q - log p over draws from p.

loses: kl-sampling-test
"""


# %% kl-sampling-code
def kl_by_sampling(mu_q, logvar_q, mu_p, logvar_p, draws):
    q = torch.distributions.Normal(mu_q, (0.5 * logvar_q).exp())
    p = torch.distributions.Normal(mu_p, (0.5 * logvar_p).exp())
    z = p.sample((draws,))
    return (q.log_prob(z) - p.log_prob(z)).sum(dim=-1).mean(dim=0)
