"""Matrices in place of loops, exponentials shifted by their maximum; the flow is trained with times from a normal and AdamW.

loses: nothing
"""


# %% denoise-code
def denoise(x, sigma, points, shares):
    logs = -torch.cdist(x, points).square() / (2 * sigma**2) + torch.log(shares)
    weights = (logs - logs.max(dim=1, keepdim=True).values).exp()
    return weights @ points / weights.sum(dim=1, keepdim=True)


# %% train-code
def train_flow(steps, seed):
    random = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    network = Velocity()
    optimizer = torch.optim.AdamW(network.parameters(), 4e-3, weight_decay=0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=steps)
    data = ring(10_000, seed + 1)
    for _ in range(steps):
        x = data[torch.randint(len(data), (256,), generator=random)]
        t = torch.rand(len(x), generator=random)
        noise = torch.randn(x.shape, generator=random)
        loss = F.mse_loss(network(x + t[:, None] * (noise - x), t), noise - x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return {name: value.numpy() for name, value in network.state_dict().items()}


# %% contest-code
def contest(steps, seed):
    flow = {name: torch.as_tensor(value).numpy() for name, value in train_flow(steps, seed).items()}
    torch.manual_seed(seed)
    G = Maker()
    D = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
    g, d = (torch.optim.Adam(one.parameters(), 1e-3, betas=(0.5, 0.999)) for one in (G, D))
    bce = F.binary_cross_entropy_with_logits
    for k in range(steps):
        real, fake = ring(128, 1000 * seed + k), G(torch.randn(128, 2))
        loss = bce(D(real), torch.ones(128, 1)) + bce(D(fake.detach()), torch.zeros(128, 1))
        d.zero_grad()
        loss.backward()
        d.step()
        loss = bce(D(fake), torch.ones(128, 1))
        g.zero_grad()
        loss.backward()
        g.step()
    return {"flow": flow, "gan": G.eval()}
