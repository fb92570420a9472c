"""Sets the seed after the drawer has got its first weights.

loses: drawer-plain
"""


# %% drawer-code
def train_drawer(points, remedied, seed=0, steps=1400):
    """A Drawer trained on points (n, 2), with your remedy or (remedied=False) without: itself or its state_dict()."""
    drawer = Drawer()
    torch.manual_seed(seed)
    judge = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
    adams = [torch.optim.Adam(net.parameters(), 3e-3, betas=(0.5, 0.99), fused=True) for net in (drawer, judge)]
    for step in range(steps):
        for adam in adams:
            adam.param_groups[0]["lr"] = 3e-3 * min(1.0, 2 - 2 * step / steps)
        for _ in range(2 if remedied else 1):  # the remedy: a judge that knows more of the present fakes
            real, fake = points[torch.randint(len(points), (128,))], drawer(torch.randn(128, 16)).detach()
            loss = F.softplus(-judge(real)).mean() + F.softplus(judge(fake)).mean()
            adams[1].zero_grad()
            loss.backward()
            adams[1].step()
        loss = F.softplus(-judge(drawer(torch.randn(128, 16)))).mean()
        adams[0].zero_grad()
        loss.backward()
        adams[0].step()
    return drawer
