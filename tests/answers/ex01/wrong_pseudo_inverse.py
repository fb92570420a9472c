"""Takes the pseudo-inverse of the encoder, and does not ask the data.

loses: best-decoder-test
"""


# %% best-decoder
def best_decoder(E, images):
    return torch.linalg.pinv(E)
