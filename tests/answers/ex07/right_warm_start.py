"""A Steady that does fifteen rounds when it is made, and keeps v as well; the iteration by einsum in double precision.

loses: nothing
"""


# %% power-code
def power_iteration(weight, u, rounds, *, eps: float = 0.0):
    w = weight.reshape(weight.shape[0], -1).to(torch.float64)
    u, sigma = u.to(torch.float64), w.new_zeros([])
    for _ in range(rounds):
        v = torch.einsum("oi,o->i", w, u)
        if torch.count_nonzero(v) == 0:
            return [w.new_zeros([]).to(weight.dtype), u.to(weight.dtype)]
        v = v / torch.linalg.vector_norm(v)
        u = torch.einsum("oi,i->o", w, v)
        u = u / torch.linalg.vector_norm(u)
        sigma = torch.einsum("o,oi,i->", u, w, v)
    return [sigma.to(weight.dtype), u.to(weight.dtype)]


# %% steady-code
class Steady(nn.Module):
    def __init__(self, weight, warm: int = 15):
        super().__init__()
        start = F.normalize(torch.rand(weight.size(0)) + 0.1, dim=-1)
        with torch.no_grad():
            _, start = power_iteration(weight.detach(), start, warm)
        self.register_buffer("_u", start.clone())
        self.register_buffer("_v", torch.zeros(weight[0].numel()))

    def forward(self, weight):
        rows = weight.flatten(start_dim=1)
        if self.training:
            with torch.no_grad():
                _, u = power_iteration(rows, self._u, 1)
                self._u = u.detach()
        with torch.no_grad():
            back = rows.mT @ self._u
            v = back / back.norm() if back.any() else back
        sigma = torch.dot(self._u.clone(), torch.mv(rows, v))
        return weight / torch.where(sigma > 0, sigma, torch.ones_like(sigma))


# %% convolution-code
def convolution_norm(kernel, side, rounds):
    out, inside, k, _ = kernel.shape
    units = torch.eye(inside * side * side, dtype=torch.float64).reshape(-1, inside, side, side)
    matrix = F.conv2d(units, kernel.double(), padding="same").flatten(1)
    return torch.linalg.matrix_norm(matrix, ord=2)
