"""Seeds once, before the loop: a result depends on the runs before it.

loses: investigation-test
"""


# %% investigation-code
def errors_by_code_size(sizes, train_images, test_images, steps, seed=0):
    errors = []
    torch.manual_seed(seed)
    for k in sizes:
        model = ConvAutoencoder(k, train_images.shape[-1])
        train_autoencoder(model, train_images, steps)
        errors.append(dataset_error(model.eval(), test_images, 256))
    return errors
