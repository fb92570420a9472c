"""Shows logits as pictures.

loses: measure-known
"""


# %% measure-code
@torch.no_grad()
def sixteen(run, seed=0):
    """Sixteen pictures (16, 1, 8, 8), pixels in [0, 1], of the codes torch.randn(16, 8) after torch.manual_seed(seed)."""
    decoder = Decoder()
    decoder.load_state_dict(run["decoder"])
    torch.manual_seed(seed)
    return decoder(torch.randn(16, 8)).view(16, 1, 8, 8)


@torch.no_grad()
def rebuilding_error(run, x):
    """The mean squared error of a run on pictures x (n, 64), over pictures and pixels; a float."""
    encoder, decoder = Encoder(), Decoder()
    encoder.load_state_dict(run["encoder"])
    decoder.load_state_dict(run["decoder"])
    return F.mse_loss(decoder(encoder(x)[0]).sigmoid(), x).item()
