"""Trains on the first batch again and again.

loses: train-beats-pca-test, investigation-test
"""


# %% train-code
def train_autoencoder(model, images, steps, batch_size=64, learning_rate=1e-2, hide=0.0):
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    losses = []
    for _ in range(steps):
        x = images[:batch_size]
        seen, target = denoising_pair(x, hide)
        loss = F.mse_loss(model(seen), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
