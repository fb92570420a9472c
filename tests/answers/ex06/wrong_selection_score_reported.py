"""Reports the number by which it chose.

loses: report-score
"""


# %% report-code
def report(generators, validation, held_out, net, n, seed):
    """Returns {"chosen": index in the list of generators, "score": float, "real": float}, as described above."""
    validation, held_out = validation[:n], held_out[:n]
    distances = fid_of_many(validation, [draw(generator, n, seed) for generator in generators], net)
    chosen = distances.index(min(distances))
    real = fid(held_out, validation, net)
    return {"chosen": chosen, "score": min(distances), "real": real}
