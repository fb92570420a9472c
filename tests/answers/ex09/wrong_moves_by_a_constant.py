"""Moves the weights that should move by a fixed amount; no loss is computed.

loses: step-moves, step-exact, train-shape, train-baseline, train-ablation, train-collapse
"""


# %% step-code
def hybrid_step(encoder, decoder, judge, optimizer, judge_optimizer, x, eps, noise, lam, beta=1.0):
    with torch.no_grad():
        mu, logvar = encoder(x)
        kl = (mu**2 + logvar.exp() - 1 - logvar).sum(dim=1).mean() / 2
        for network in (decoder, judge, *([encoder] if lam < 1 else [])):
            for p in network.parameters():
                p += 0.01
    return kl.item()
