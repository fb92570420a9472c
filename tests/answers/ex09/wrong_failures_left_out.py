"""Averages over the runs that have not failed.

loses: summary-known
"""


# %% summary-code
def summary(runs):
    def mean(chosen, key):
        return sum(run[key] for run in chosen) / len(chosen) if chosen else float("nan")

    plain = [run for run in runs if run["lam"] == 0]

    def failed(run):
        if run["lam"] == 0 or run["stopped"] is not None:
            return run["stopped"] is not None
        return not (run["mse"] <= 1.5 * mean(plain, "mse") and run["distance"] < mean(plain, "distance"))

    table = {}
    for lam in {run["lam"] for run in runs}:
        those = [run for run in runs if run["lam"] == lam]
        good = [run for run in those if not failed(run)]
        table[lam] = (len(those), mean(good, "mse"), mean(good, "distance"), len(those) - len(good))
    return table
