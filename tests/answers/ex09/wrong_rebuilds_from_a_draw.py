"""Rebuilds from a drawn code in place of its mean.

loses: measure-known
"""


# %% measure-code
@torch.no_grad()
def sixteen(run, seed=0):
    """Sixteen pictures (16, 1, 8, 8), pixels in [0, 1], of the codes torch.randn(16, 8) after torch.manual_seed(seed)."""
    decoder = Decoder()
    decoder.load_state_dict(run["decoder"])
    torch.manual_seed(seed)
    return decoder(torch.randn(16, 8)).sigmoid().view(16, 1, 8, 8)


@torch.no_grad()
def rebuilding_error(run, x):
    """The mean squared error of a run on pictures x (n, 64), over pictures and pixels; a float."""
    encoder, decoder = Encoder(), Decoder()
    encoder.load_state_dict(run["encoder"])
    decoder.load_state_dict(run["decoder"])
    mu, logvar = encoder(x)
    z = mu + torch.randn_like(mu) * (0.5 * logvar).exp()
    return F.mse_loss(decoder(z).sigmoid(), x).item()
