"""The judge is frozen and never thawed.

loses: step-moves, step-exact, step-kl, train-shape, train-baseline, train-ablation, train-collapse
"""


# %% step-code
def hybrid_step(encoder, decoder, judge, optimizer, judge_optimizer, x, eps, noise, lam, beta=1.0):
    """One step of the judge, then one of encoder and decoder; returns the KL term of the batch (before the step) as a float.

    x (n, 64): pictures; eps, noise (n, 8): standard normal, for the codes of x and for invented pictures.
    `optimizer` holds the weights of encoder and decoder, `judge_optimizer` those of the judge.
    """
    mu, logvar = encoder(x)
    z = mu + eps * (0.5 * logvar).exp()
    logits = decoder(z)
    fakes = decoder(torch.cat([z.detach(), noise])).sigmoid()

    judge_loss = F.softplus(-judge(x)).mean() + F.softplus(judge(fakes.detach())).mean()
    judge_optimizer.zero_grad()
    judge_loss.backward()
    judge_optimizer.step()

    judge.requires_grad_(False)
    loss = hybrid_loss(logits, x, mu, logvar, judge(fakes), lam, beta)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return (0.5 * (mu**2 + logvar.exp() - 1 - logvar)).sum(dim=1).mean().item()
