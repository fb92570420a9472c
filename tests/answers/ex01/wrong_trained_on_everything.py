"""Trains on the test pictures, too.

loses: investigation-test
"""


# %% investigation-code
def errors_by_code_size(sizes, train_images, test_images, steps, seed=0):
    errors = []
    for k in sizes:
        torch.manual_seed(seed)
        model = ConvAutoencoder(k, train_images.shape[-1])
        train_autoencoder(model, torch.cat([train_images, test_images]), steps)
        errors.append(dataset_error(model.eval(), test_images, 256))
    return errors
