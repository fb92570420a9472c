"""Asks whether kl < floor, which a NaN never is.

loses: stop-nan
"""


# %% stop-code
class SilenceAlarm:
    """Says when codes have been silent for too long."""

    def __init__(self, floor=0.05, patience=60):
        self.floor, self.patience, self.silent = floor, patience, 0

    def __call__(self, kl):
        """Take note of the KL term of one step, a float; True if the training should stop."""
        self.silent = self.silent + 1 if kl < self.floor else 0
        return self.silent >= self.patience
