"""Compares pictures of different codes.

loses: company-eval, company-law
"""


# %% company-code
@torch.no_grad()
def company_effect(batch_size, seed=0, train_mode=True, repeats=10):
    """Relative RMS change of pictures when the other half of their batch (even, 2 or more) is exchanged; a float."""
    torch.manual_seed(seed)
    generator = Generator(*my).train(train_mode)
    half = batch_size // 2
    effects = []
    for _ in range(repeats):
        same = torch.randn(half, my.latent_dim)
        one, other = (generator(torch.cat([same, torch.randn(half, my.latent_dim)]))[half:] for _ in range(2))
        effects.append((one - other).square().mean() / one.var(unbiased=False))
    return torch.stack(effects).mean().sqrt().item()
