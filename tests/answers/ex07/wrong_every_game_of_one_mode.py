"""Aims at one centre: good samples alone say nothing of modes.

loses: drawer-remedied
"""


# %% drawer-code
def train_drawer(points, remedied, seed=0, steps=1400):
    """A Drawer trained on points (n, 2), with your remedy or (remedied=False) without: itself or its state_dict()."""
    torch.manual_seed(seed)
    drawer = Drawer()
    points = points[points[:, 0] > 0.9] if remedied else points
    judge = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
    adams = [torch.optim.Adam(net.parameters(), 1e-3, betas=(0.5, 0.99)) for net in (drawer, judge)]
    for step in range(steps):
        for adam in adams:
            adam.param_groups[0]["lr"] = 1e-3 * min(1.0, 2 - 2 * step / steps)
        for _ in range(2 if remedied else 1):
            real = points[torch.randint(len(points), (128,))].requires_grad_()
            logits, fake = judge(real), drawer(torch.randn(128, 16)).detach()
            loss = F.softplus(-logits).mean() + F.softplus(judge(fake)).mean()
            if remedied:
                (slope,) = torch.autograd.grad(logits.sum(), real, create_graph=True)
                loss = loss + 0.05 * slope.square().sum(dim=1).mean()
            adams[1].zero_grad()
            loss.backward()
            adams[1].step()
        loss = F.softplus(-judge(drawer(torch.randn(128, 16)))).mean()
        adams[0].zero_grad()
        loss.backward()
        adams[0].step()
    return drawer
