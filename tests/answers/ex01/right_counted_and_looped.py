"""Sizes counted window by window, Bernoulli masks, batches from shuffled passes over the data; prints a lot.

loses: nothing
"""


# %% conv-size
def conv_size(n, kernel, stride=1, padding=0):
    print("counting windows")
    return len([start for start in range(0, n + 2 * padding, stride) if start + kernel <= n + 2 * padding])


# %% transposed-size
def transposed_size(n, kernel, stride=1, padding=0, output_padding=0):
    covered = set()
    for place in range(n):
        covered |= set(range(place * stride, place * stride + kernel))
    return max(covered) + 1 - padding - padding + output_padding


# %% by-hand
def shapes_by_hand():
    sides = [14, 7, 4, 7, 14, 28]
    return [[channels, side, side] for channels, side in zip([8, 16, 32, 16, 8, 1], sides, strict=True)]


def weights_by_hand():
    return (8 * 9 + 8, 16 * 8 * 9 + 16, 32 * 16 * 9 + 32, 32 * 16 * 9 + 16, 16 * 8 * 9 + 8, 8 * 16 + 1)


# %% denoising-pair
def denoising_pair(x, p):
    lost = torch.bernoulli(torch.full(x.shape, float(p))).bool()
    damaged = x.clone()
    damaged[lost] = 0
    return [damaged, x]


# %% train-code
def train_autoencoder(model, images, steps, batch_size=64, learning_rate=1e-2, hide=0.0):
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), learning_rate)
    criterion = nn.MSELoss()
    losses = []
    while len(losses) < steps:
        for rows in torch.randperm(len(images)).split(batch_size):
            if len(losses) == steps:
                break
            damaged, clean = denoising_pair(images[rows], hide)
            optimizer.zero_grad()
            loss = criterion(model(damaged), clean)
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
            if len(losses) % 50 == 0:
                print(len(losses), losses[-1])
    return losses


# %% investigation-code
def train_sizes(sizes, train_images, steps, seed=0):
    def one(k):
        torch.manual_seed(seed)
        network = ConvAutoencoder(latent_dim=k, size=train_images.size(3))
        train_autoencoder(network, train_images, steps=steps)
        return network.eval()

    return [one(k) for k in sizes]
