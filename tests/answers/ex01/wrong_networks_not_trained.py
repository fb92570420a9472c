"""Hands out networks that have never trained: the errors would have to be believed.

loses: investigation-test
"""


# %% investigation-code
def train_sizes(sizes, train_images, steps, seed=0):
    models = []
    for k in sizes:
        torch.manual_seed(seed)
        models.append(ConvAutoencoder(k, train_images.shape[-1]).eval())
    return models
