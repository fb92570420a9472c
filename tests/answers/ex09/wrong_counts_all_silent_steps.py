"""Never starts the count anew.

loses: stop-known
"""


# %% stop-code
class SilenceAlarm:
    """Says when codes have been silent for too long."""

    def __init__(self, floor=0.05, patience=60):
        self.floor, self.patience, self.silent = floor, patience, 0

    def __call__(self, kl):
        """Take note of the KL term of one step, a float; True if the training should stop."""
        self.silent += not kl >= self.floor
        return self.silent >= self.patience
