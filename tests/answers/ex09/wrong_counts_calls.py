"""Rings at the call of the number `patience`, whatever it is told.

loses: stop-known, stop-nan, train-baseline, train-ablation, train-collapse
"""


# %% stop-code
class SilenceAlarm:
    def __init__(self, floor=0.05, patience=60):
        self.patience, self.calls = patience, 0

    def __call__(self, kl):
        self.calls += 1
        return self.calls >= self.patience
