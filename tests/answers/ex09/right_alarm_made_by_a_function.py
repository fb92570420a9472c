"""The alarm is a closure that a function makes; failures by a table of rules; a named tuple for each λ.

loses: nothing
"""

# %% stop-code
import math
from collections import defaultdict, namedtuple


def SilenceAlarm(floor=0.05, patience=60):
    quiet = 0

    def alarm(kl):
        nonlocal quiet
        quiet = quiet + 1 if math.isnan(kl) or kl < floor else 0
        return torch.tensor(quiet >= patience)

    return alarm


# %% summary-code
Row = namedtuple("Row", "n mse distance failed")


def summary(runs):
    by = defaultdict(list)
    for run in runs:
        by[run["lam"]].append(run)
    mean = lambda rows, key: sum(row[key] for row in rows) / len(rows)  # noqa: E731
    rules = [
        lambda run: run["stopped"] is not None,
        lambda run: run["lam"] != 0 and not run["mse"] <= 1.5 * mean(by[0], "mse"),
        lambda run: run["lam"] != 0 and not run["distance"] < mean(by[0], "distance"),
    ]
    return {
        lam: Row(
            len(rows),
            mean(rows, "mse"),
            mean(rows, "distance"),
            [any(r(run) for r in rules) for run in rows].count(True),
        )
        for lam, rows in list(by.items())
    }
