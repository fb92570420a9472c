"""Asks whether a number is too large, which a NaN never is.

loses: summary-known
"""


# %% summary-code
def summary(runs):
    """{lam: (number of runs, mean mse, mean distance, number of failed runs)}, for every lam that occurs."""

    def mean(lam, key):
        values = [run[key] for run in runs if run["lam"] == lam]
        return sum(values) / len(values)

    def failed(run):
        if run["lam"] == 0 or run["stopped"] is not None:
            return run["stopped"] is not None
        return run["mse"] > 1.5 * mean(0, "mse") or run["distance"] >= mean(0, "distance")

    return {
        lam: (
            sum(run["lam"] == lam for run in runs),
            mean(lam, "mse"),
            mean(lam, "distance"),
            sum(failed(run) for run in runs if run["lam"] == lam),
        )
        for lam in sorted({run["lam"] for run in runs})
    }
