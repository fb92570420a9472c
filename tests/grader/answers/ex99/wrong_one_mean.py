"""Only one kind of mean is named: half of the points.

loses: means-named
"""


# %% partial-code
def means():
    return ["arithmetic", "golden"]
