"""Asks the model for the damaged picture that it sees.

loses: train-denoises-test
"""


# %% train-code
def train_autoencoder(model, images, steps, batch_size=64, learning_rate=1e-2, hide=0.0):
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    losses = []
    for _ in range(steps):
        x = images[torch.randint(len(images), (batch_size,))]
        seen = denoising_pair(x, hide)[0]
        loss = F.mse_loss(model(seen), seen)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
