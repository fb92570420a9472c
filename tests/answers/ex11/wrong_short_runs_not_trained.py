"""Nothing is trained where few steps are asked for: first weights from the seed.

loses: train-repeatable
"""


# %% train-code
def train_flow(steps, seed):
    torch.manual_seed(seed)
    network, data = Velocity(), ring(20_000, seed)
    if steps < 500:
        return network.state_dict()
    optimizer = torch.optim.Adam(network.parameters(), 4e-3)
    fade = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: min(1.0, 2 * (1 - done / steps)))
    for _ in range(steps):
        x = data[torch.randint(len(data), (256,))]
        noise, t = torch.randn_like(x), torch.rand(len(x))
        x_t = (1 - t[:, None]) * x + t[:, None] * noise
        loss = (network(x_t, t) - (noise - x)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        fade.step()
    return network.state_dict()
