"""KL and cross-entropy from torch.distributions, NumPy for the table, the alarm keeps the step of the last loud value.

loses: nothing
"""


# %% loss-code
def hybrid_loss(logits, x, mu, logvar, verdicts, lam, beta=1.0):
    normal = torch.distributions.Normal
    kl = torch.distributions.kl_divergence(normal(mu, (logvar / 2).exp()), normal(0.0, 1.0)).sum(-1).mean()
    rec = (F.softplus(logits) - x * logits).sum(-1).mean()
    adv = -F.logsigmoid(verdicts).mean()
    return torch.lerp((rec + beta * kl) / x[0].numel(), adv, lam)


# %% weights-code
def weight_of_sum(lam, pixels):
    return lam / ((1 - lam) / pixels)


def lam_of_mixture(weight, pixels):
    return 1 / (1 + pixels / weight) if weight else 0.0


# %% stop-code
class SilenceAlarm:
    def __init__(self, floor=0.05, patience=60):
        self.floor, self.patience = floor, patience
        self.step = self.loud = 0

    def __call__(self, kl):
        self.step += 1
        if kl >= self.floor:
            self.loud = self.step
        return self.step - self.loud >= self.patience


# %% summary-code
import numpy as np


def summary(runs):
    lams = np.array([run["lam"] for run in runs])
    mse, far = (np.array([run[key] for run in runs], dtype=float) for key in ("mse", "distance"))
    stopped = np.array([run["stopped"] is not None for run in runs])
    plain = lams == 0
    good = (mse <= 1.5 * mse[plain].mean()) & (far < far[plain].mean())
    failed = stopped | (~plain & ~good)
    return {
        lam: (
            int((lams == lam).sum()),
            mse[lams == lam].mean(),
            far[lams == lam].mean(),
            int(failed[lams == lam].sum()),
        )
        for lam in set(lams.tolist())
    }
