"""A judge with a Steady on each weight as the remedy; the weights come back as arrays.

loses: nothing
"""


# %% drawer-code
def train_drawer(points, remedied, seed=0, steps=1400):
    torch.manual_seed(seed)
    G = Drawer()
    D = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
    if remedied:
        bounded(D)
    scale = 15.0 if remedied else 1.0
    opt_g = torch.optim.Adam(G.parameters(), lr=3e-3, betas=(0.5, 0.99))
    opt_d = torch.optim.Adam(D.parameters(), lr=3e-3, betas=(0.5, 0.99))
    fades = [torch.optim.lr_scheduler.LambdaLR(o, lambda done: min(1.0, 2 - 2 * done / steps)) for o in (opt_g, opt_d)]
    target = torch.cat([torch.ones(128, 1), torch.zeros(128, 1)])
    for _ in range(steps):
        for _ in range(2):
            with torch.no_grad():
                fake = G(torch.randn(128, 16))
            batch = torch.cat([points[torch.randint(len(points), (128,))], fake])
            opt_d.zero_grad()
            F.binary_cross_entropy_with_logits(scale * D(batch), target).backward()
            opt_d.step()
        opt_g.zero_grad()
        F.binary_cross_entropy_with_logits(scale * D(G(torch.randn(128, 16))), target[:128]).backward()
        opt_g.step()
        for fade in fades:
            fade.step()
    return {name: value.numpy() for name, value in G.state_dict().items()}
