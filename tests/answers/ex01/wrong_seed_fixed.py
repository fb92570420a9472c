"""Ignores the seed that it is given.

loses: investigation-test
"""


# %% investigation-code
def train_sizes(sizes, train_images, steps, seed=0):
    models = []
    for k in sizes:
        torch.manual_seed(0)
        model = ConvAutoencoder(k, train_images.shape[-1])
        train_autoencoder(model, train_images, steps)
        models.append(model.eval())
    return models
