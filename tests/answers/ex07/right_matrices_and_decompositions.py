"""Powers of W Wᵀ, u and v both kept, the matrix of the convolution written out; Python floats as results.

loses: nothing
"""


# %% power-code
def power_iteration(weight, u, rounds):
    W = weight.reshape(weight.shape[0], -1).double()
    x = u.double()
    for _ in range(rounds):
        v = W.t().mv(x)
        if v.abs().sum() == 0:
            return 0.0, u
        v = v / v.square().sum().sqrt()
        x = W.mv(v)
        x = x / torch.linalg.vector_norm(x)
    return float(x.dot(W.mv(v))), x.to(u.dtype)


# %% steady-code
class Steady(nn.Module):
    def __init__(self, weight):
        super().__init__()
        out = weight.shape[0]
        self.register_buffer("left", F.normalize(torch.ones(out) + 0.1 * torch.randn(out), dim=0))
        self.register_buffer("right", F.normalize(torch.randn(weight[0].numel()), dim=0))
        with torch.no_grad():
            for _ in range(15):
                self.turn(weight.reshape(out, -1))

    def turn(self, W):
        back = self.left @ W
        if back.norm() > 0:
            self.right = F.normalize(back, dim=0)
            self.left = F.normalize(W @ self.right, dim=0)

    def forward(self, weight):
        W = weight.reshape(weight.shape[0], -1)
        if self.training:
            with torch.no_grad():
                self.turn(W)
        sigma = torch.einsum("i,ij,j->", self.left.clone(), W, self.right.clone())
        return weight if sigma == 0 else weight / sigma


# %% convolution-code
def convolution_norm(kernel, side, rounds):
    o, i, k, _ = kernel.shape
    units = torch.eye(i * side * side).reshape(-1, i, side, side)
    matrix = nn.functional.conv2d(units, kernel, padding="same").reshape(len(units), -1)
    return float(torch.linalg.matrix_norm(matrix, 2))
