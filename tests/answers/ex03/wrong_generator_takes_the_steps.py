"""Lets the generator take the k steps.

loses: shift-game-values, shift-game-expert
"""


# %% shift-game
def shift_game(k, seed):
    torch.manual_seed(seed)
    w, b, theta = torch.zeros(3)
    path = []
    for _ in range(400):
        for _ in range(1):
            real, fake = 3 + torch.randn(200), theta + torch.randn(200)
            on_real, on_fake = torch.sigmoid(-(w * real + b)), torch.sigmoid(w * fake + b)
            step_w = (on_real * real).mean() - (on_fake * fake).mean()
            w, b = w + 0.1 * step_w, b + 0.1 * (on_real.mean() - on_fake.mean())
        for _ in range(k):
            theta = theta + 0.1 * w * torch.sigmoid(w * (theta + torch.randn(200)) + b).mean()
        path.append(torch.stack([w, b, theta]))
    return torch.stack(path)
