"""The step with torch.autograd.grad, the terms as sums over everything, a queue for the alarm.

loses: nothing
"""


# %% loss-code
def hybrid_loss(logits, x, mu, logvar, verdicts, lam, beta=1.0):
    n, d = x.shape
    nll = torch.nn.BCEWithLogitsLoss(reduction="sum")(logits, x) / n
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp()) / n
    adversarial = F.binary_cross_entropy_with_logits(verdicts, torch.ones_like(verdicts))
    return (1 - lam) * (nll / d + beta * kl / d) + lam * adversarial


# %% step-code
def hybrid_step(encoder, decoder, judge, optimizer, judge_optimizer, x, eps, noise, lam, beta=1.0):
    def descend(optimizer, loss):
        weights = [p for group in optimizer.param_groups for p in group["params"]]
        gradients = torch.autograd.grad(loss, weights, allow_unused=True)
        for p, g in zip(weights, gradients, strict=True):
            p.grad = torch.zeros_like(p) if g is None else g
        optimizer.step()

    with torch.no_grad():
        mu, logvar = encoder(x)
        codes = torch.cat([mu + eps * torch.exp(logvar / 2), noise])
        fakes = torch.sigmoid(decoder(codes))
    real, fake = judge(x), judge(fakes)
    ones = torch.ones_like
    bce = F.binary_cross_entropy_with_logits
    descend(judge_optimizer, bce(real, ones(real)) + bce(fake, 0 * fake.detach()))

    mu, logvar = encoder(x)
    logits = decoder(mu + eps * torch.exp(logvar / 2))
    verdicts = judge(torch.sigmoid(decoder(codes)))
    kl = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum() / len(x)
    descend(optimizer, hybrid_loss(logits, x, mu, logvar, verdicts, lam, beta))
    return float(kl.detach())


# %% stop-code
from collections import deque


class SilenceAlarm:
    def __init__(self, floor=0.05, patience=60):
        self.floor, self.last = floor, deque(maxlen=patience)

    def __call__(self, kl):
        self.last.append(not kl >= self.floor)
        return len(self.last) == self.last.maxlen and all(self.last)
