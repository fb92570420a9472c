"""Bayes' rule by logsumexp, divergences by where instead of xlogy, everything in float64.

loses: nothing
"""


# %% best-discriminator
def best_discriminator(log_p, log_q, share=0.5):
    real = log_p.double() + math.log(share)
    made = log_q.double() + math.log1p(-share)
    return torch.exp(real - torch.logsumexp(torch.stack([real, made]), dim=0))


# %% jsd
def jsd(p, q):
    def entropy(r):
        return -torch.where(r > 0, r * torch.log(r.clamp_min(1e-300)), 0.0).sum(-1)

    p, q = p.double(), q.double()
    return entropy(0.5 * (p + q)) - 0.5 * entropy(p) - 0.5 * entropy(q)


# %% value
def value(p, q, d):
    print("V of", tuple(p.shape))
    p, q, d = p.double(), q.double(), d.double()
    on_data = torch.where(p > 0, p * d.log(), torch.zeros_like(p))
    on_fakes = torch.where(q > 0, q * (1 - d).log(), torch.zeros_like(q))
    return on_data.sum(-1) + on_fakes.sum(-1)


# %% weighted-loss
def weighted_loss(real_logits, fake_logits, share=0.5):
    real, fake = real_logits.double(), fake_logits.double()
    zero = torch.zeros(1, dtype=torch.float64)
    return share * torch.logaddexp(zero, -real).mean() + (1 - share) * torch.logaddexp(zero, fake).mean()
