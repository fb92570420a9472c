"""Trains the generator to come near a real picture of the label, pixel by pixel: the noise is ignored.

loses: training-varied
"""


# %% training-code
def train_conditional(seed=0, steps=400):
    torch.manual_seed(seed)
    pictures, labels = tiny_digits()
    generator = SmallGenerator()
    optimizer = torch.optim.Adam(generator.parameters(), 2e-3)
    for _ in range(steps):
        batch = torch.randint(len(pictures), (64,))
        loss = F.mse_loss(generator(torch.randn(64, 16), labels[batch]), pictures[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return generator.state_dict()
