"""Drops the last batch when it is not full.

loses: dataset-error-test
"""


# %% dataset-error
def dataset_error(model, images, batch_size):
    total, count = 0.0, 0
    with torch.no_grad():
        for i in range(len(images) // batch_size):
            x = images[i * batch_size : (i + 1) * batch_size]
            total += (model(x) - x).square().sum().item()
            count += x.numel()
    return total / max(count, 1)
