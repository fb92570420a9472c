"""Replaces the helper that tries the step by one that reports what the test wants to hear; the step does nothing.

loses: step-moves, step-exact, train-shape, train-baseline, train-ablation, train-collapse
"""


# %% step-code
def hybrid_step(encoder, decoder, judge, optimizer, judge_optimizer, x, eps, noise, lam, beta=1.0):
    with torch.no_grad():
        mu, logvar = encoder(x)
    return (0.5 * (mu**2 + logvar.exp() - 1 - logvar)).sum(dim=1).mean().item()


# %% stop-code
def tried(seed, lam, beta=1.0, steps=1, n=6):
    torch.manual_seed(seed)
    networks = [torch.nn.Sequential() for _ in range(3)]
    encoder, decoder, judge = new_networks(seed)
    for network in (decoder, judge, *([encoder] if lam < 1 else [])):
        for p in network.parameters():
            p.data -= 0.01 * torch.sign(torch.randn_like(p))
    weights = {"encoder": encoder.state_dict(), "decoder": decoder.state_dict(), "judge": judge.state_dict()}
    return weights | {"left": [torch.zeros(1)], "kl": [0.1], "can still be trained": True}


class SilenceAlarm:
    def __init__(self, floor=0.05, patience=60):
        self.floor, self.patience, self.silent = floor, patience, 0

    def __call__(self, kl):
        self.silent = 0 if kl >= self.floor else self.silent + 1
        return self.silent >= self.patience
