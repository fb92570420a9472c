"""Makes every network with the largest code size.

loses: investigation-test
"""


# %% investigation-code
def train_sizes(sizes, train_images, steps, seed=0):
    models = []
    for _ in sizes:
        torch.manual_seed(seed)
        model = ConvAutoencoder(max(sizes), train_images.shape[-1])
        train_autoencoder(model, train_images, steps)
        models.append(model.eval())
    return models
