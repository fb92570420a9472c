"""Averages the means of the batches: a small last batch weighs too much.

loses: dataset-error-test
"""


# %% dataset-error
def dataset_error(model, images, batch_size):
    with torch.no_grad():
        means = [F.mse_loss(model(x), x).item() for x in images.split(batch_size)]
    return sum(means) / len(means)
