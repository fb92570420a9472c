"""Seeds once, before the loop: a network depends on the ones before it.

loses: investigation-test
"""


# %% investigation-code
def train_sizes(sizes, train_images, steps, seed=0):
    models = []
    torch.manual_seed(seed)
    for k in sizes:
        model = ConvAutoencoder(k, train_images.shape[-1])
        train_autoencoder(model, train_images, steps)
        models.append(model.eval())
    return models
