"""Trains, but notes KL terms that nobody has measured.

loses: train-baseline, train-collapse
"""


# %% train-code
def train_hybrid(lam, seed, steps=400, beta=1.0):
    encoder, decoder, judge = new_networks(seed)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], 2e-3, betas=(0.5, 0.99))
    judge_optimizer = torch.optim.Adam(judge.parameters(), 2e-3, betas=(0.5, 0.99))
    pictures = digits_8x8()[0]
    for _ in range(steps):
        x = pictures[torch.randint(len(pictures), (64,))]
        eps, noise = torch.randn(2, 64, 8)
        hybrid_step(encoder, decoder, judge, optimizer, judge_optimizer, x, eps, noise, lam, beta)
    weights = {"encoder": encoder.state_dict(), "decoder": decoder.state_dict()}
    return weights | {"kl": (1 + torch.rand(steps)).tolist(), "stopped": None}
