"""Reports the error on the training pictures.

loses: investigation-test
"""


# %% investigation-code
def errors_by_code_size(sizes, train_images, test_images, steps, seed=0):
    errors = []
    for k in sizes:
        torch.manual_seed(seed)
        model = ConvAutoencoder(k, train_images.shape[-1])
        train_autoencoder(model, train_images, steps)
        errors.append(dataset_error(model.eval(), train_images, 256))
    return errors
