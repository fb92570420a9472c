"""Has no patience: one silent step is enough.

loses: stop-known, stop-nan, train-shape, train-baseline, train-ablation, train-collapse
"""


# %% stop-code
class SilenceAlarm:
    """Says when codes have been silent for too long."""

    def __init__(self, floor=0.05, patience=60):
        self.floor, self.patience, self.silent = floor, patience, 0

    def __call__(self, kl):
        """Take note of the KL term of one step, a float; True if the training should stop."""
        self.silent = 0 if kl >= self.floor else self.silent + 1
        return self.silent >= 1
