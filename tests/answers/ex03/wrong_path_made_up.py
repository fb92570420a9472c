"""A path that looks like one, drawn by hand: a rise, an overshoot, rest. No game was played.

loses: shift-game-seeded, shift-game-values, shift-game-expert
"""


# %% shift-game
def shift_game(k, seed):
    torch.manual_seed(seed)
    t = torch.arange(400) / 400
    theta = 3 + (1.0 / k**0.4) * (-8 * t).exp() * torch.sin(20 * t) - 3 * (-40 * t).exp() + 0.01 * torch.randn(400)
    w = (0.3 * (-6 * t).exp() * torch.cos(20 * t)) + 0.005 * torch.randn(400)
    return torch.stack([w, -3 * w, theta], dim=1)
