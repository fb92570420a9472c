"""Another recipe for the toy: layer normalisation in the discriminator, a batch of shuffled points in every step, weights as a state_dict; the shift game by autograd.

loses: nothing
"""


# %% train-toy
def train_toy(points, seed):
    torch.manual_seed(seed)
    forger = ToyGenerator()
    expert = nn.Sequential(
        nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LayerNorm(64), nn.LeakyReLU(0.2), nn.Linear(64, 1)
    )
    adam_g = torch.optim.Adam(forger.parameters(), lr=2e-3, betas=(0.5, 0.999))
    adam_d = torch.optim.Adam(expert.parameters(), lr=2e-3, betas=(0.5, 0.999))
    for _ in range(500):
        real, fake = points[torch.randperm(len(points))[:128]], forger(torch.randn(128, 4))
        adam_d.zero_grad()
        (F.softplus(-expert(real)) + F.softplus(expert(fake.detach()))).mean().backward()
        adam_d.step()
        adam_g.zero_grad()
        F.softplus(-expert(fake)).mean().backward()
        adam_g.step()
    return forger.state_dict()


# %% shift-game
def shift_game(k, seed):
    random = torch.Generator().manual_seed(seed)
    w, b, theta = (torch.zeros(1, requires_grad=True) for _ in range(3))

    def v():
        real, z = 3 + torch.randn(200, generator=random), torch.randn(200, generator=random)
        return F.logsigmoid(w * real + b).mean() + F.logsigmoid(-(w * (theta + z) + b)).mean()

    path = []
    for _ in range(400):
        for _ in range(k):
            slope_w, slope_b = torch.autograd.grad(v(), (w, b))
            w.data += 0.1 * slope_w
            b.data += 0.1 * slope_b
        theta.data -= 0.1 * torch.autograd.grad(v(), theta)[0]
        path.append([float(w), float(b), float(theta)])
    return torch.tensor(path)


# %% unrest
def overshoot_and_unrest(path):
    thetas = path[:, 2].tolist()
    late = thetas[-100:]
    return max(thetas) - 3, math.sqrt(sum((t - 3) ** 2 for t in late) / len(late))
