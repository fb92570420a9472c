"""Lets PyTorch do the work: sizes from layers on the meta device, stamps from conv_transpose1d, matrices from autograd.

loses: nothing
"""


# %% sizes
def conv_out(n, k, s=1, p=0, d=1):
    layer = nn.Conv1d(1, 1, k, s, p, dilation=d, device="meta")
    return layer(torch.empty(1, 1, n, device="meta")).shape[-1]


def transposed_out(m, k, s=1, p=0, d=1, r=0):
    print("side", m)  # a leftover print must not matter
    sheet = s * m - s + d * k - d + 1
    return len(range(p, sheet - p + r))


# %% ways-back
def needed_output_padding(n, k, s=1, p=0, d=1):
    return (n + 2 * p - d * (k - 1) - 1) % s


def padding_that_keeps(k, d=1):
    for padding in range(d * k):
        if conv_out(10 * d * k, k, 1, padding, d) == 10 * d * k:
            return padding
    return None


# %% stamp-code
def stamp_1d(y, kernel, stride=1, padding=0, dilation=1):
    shaped = y.reshape(1, 1, -1), kernel.reshape(1, 1, -1)
    return F.conv_transpose1d(*shaped, stride=stride, padding=padding, dilation=dilation)[0, 0]


# %% matrix-code
def stamp_matrix(kernel, m, stride=1):
    return torch.autograd.functional.jacobian(lambda y: stamp_1d(y, kernel, stride), torch.zeros(m))


def conv_backward(g, kernel, n, stride=1):
    x = torch.zeros(1, 1, n, dtype=g.dtype, requires_grad=True)
    F.conv1d(x, kernel.view(1, 1, -1), stride=stride).backward(g.view(1, 1, -1))
    return x.grad.flatten()


# %% checkerboard-code
def stamps_per_pixel(m, k, s):
    counts = [0] * ((m - 1) * s + k)
    for i in range(m):
        for t in range(k):
            counts[i * s + t] += 1
    return counts


def unevenness(k, s):
    counts = [sum(1 for i in range(-k, k + 1) if 0 <= j - s * i < k) for j in range(s)]
    if min(counts) == 0:
        return float("inf")
    return max(counts) / min(counts)


# %% batch-norm-code
def batch_norm(x, running_mean, running_var, momentum=0.1, eps=1e-5):
    layer = nn.BatchNorm2d(x.shape[1], eps=eps, momentum=momentum)
    layer.running_mean, layer.running_var = running_mean.clone(), running_var.clone()
    return layer(x), layer.running_mean, layer.running_var


def fold(weight, gamma, beta, running_mean, running_var, eps=1e-5):
    std = torch.sqrt(running_var + eps)
    return torch.einsum("abij,b->abij", weight, gamma / std), beta - gamma * running_mean / std
