"""Trains on the pictures of the notebook, whatever is handed in.

loses: investigation-test
"""


# %% investigation-code
def train_sizes(sizes, train_images, steps, seed=0):
    models = []
    own = F.interpolate(train_digits, size=train_images.shape[-1])
    for k in sizes:
        torch.manual_seed(seed)
        model = ConvAutoencoder(k, train_images.shape[-1])
        train_autoencoder(model, own, steps)
        models.append(model.eval())
    return models
