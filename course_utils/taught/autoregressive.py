"""Chapter 12: a network of masked convolutions that draws a digit, one small square after another."""

import torch
import torch.nn.functional as F
from torch import nn


def to_squares(pixels):
    """Black-and-white pictures (n, 1, 28, 28) as 2×2 squares: their pixels (n, 4, 14, 14), their kind (n, 14, 14)."""
    squares = F.pixel_unshuffle(pixels, 2)
    digits = torch.tensor([8.0, 4.0, 2.0, 1.0], device=pixels.device).view(1, 4, 1, 1)  # a number in base two
    return squares, (squares * digits).sum(dim=1).long()  # 0 to 15


class TwoStacks(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.above = nn.Conv2d(width, width, (2, 3))  # from this row of the upper stack and the one above it
        self.across = nn.Conv2d(width, width, 1)  # from the upper stack to the row's own
        self.left = nn.Conv2d(width, width, (1, 2))  # from this place of the row's own stack and the one on the left
        self.out = nn.Conv2d(width, width, 1)
        nn.init.zeros_(self.out.weight)  # at first a block passes on what it gets


class PixelCNN(nn.Module):
    def __init__(self, width=48, blocks=5):
        super().__init__()
        self.first_above = nn.Conv2d(4, width, (3, 7))
        self.first_left = nn.Conv2d(4, width, (1, 3))
        self.place = nn.Parameter(torch.zeros(2, width, 14, 14))  # what is usual at this place
        self.blocks = nn.ModuleList(TwoStacks(width) for _ in range(blocks))
        self.head = nn.Conv2d(width, 16, 1)

    def upper(self, squares):  # (n, 4, rows, 14) => what each block knows of the rows above: (n, width, rows, 14)
        v = self.first_above(F.pad(squares - 0.5, (3, 3, 3, 0)))[:, :, :-1] + self.place[0, :, : squares.shape[2]]
        known = []
        for block in self.blocks:
            v = v + block.above(F.pad(F.relu(v), (1, 1, 1, 0)))
            known.append(block.across(F.relu(v)))
        return known

    def along(self, squares, known, rows=slice(None)):  # => logits (n, 16, rows, columns)
        columns = squares.shape[3]
        h = self.first_left(F.pad(squares[:, :, rows] - 0.5, (3, 0, 0, 0)))[..., :-1] + self.place[1, :, rows, :columns]
        for block, hint in zip(self.blocks, known, strict=True):
            left = block.left(F.pad(F.relu(h), (1, 0, 0, 0)))
            h = h + block.out(F.relu(left + hint[:, :, rows, :columns]))
        return self.head(F.relu(h))

    def forward(self, squares):  # (n, 4, 14, 14) => logits (n, 16, 14, 14) of the kind of each square
        return self.along(squares, self.upper(squares))

    def nats(self, pixels):  # black-and-white pictures (n, 1, 28, 28) => −log p of each
        squares, kinds = to_squares(pixels)
        return F.cross_entropy(self(squares), kinds, reduction="none").sum(dim=(1, 2))

    def sample(self, n, top=None):
        return draw_squares(self, n, top)


@torch.no_grad()
def draw_squares(model, n, top=None):
    """`n` pictures; where `top` (n, 1, 28, 28) is given, their upper halves are kept and the lower ones drawn."""
    squares = torch.zeros(n, 4, 14, 14, device=model.place.device) if top is None else to_squares(top)[0].clone()
    powers = torch.tensor([8, 4, 2, 1], device=squares.device)
    for row in range(0 if top is None else 7, 14):
        seen = squares[:, :, : row + 1]  # what lies below is not needed
        known = model.upper(seen)
        for column in range(14):
            logits = model.along(seen[..., : column + 1], known, slice(row, row + 1))[:, :, 0, column]
            kind = torch.multinomial(logits.softmax(dim=1), 1)  # (n, 1)
            squares[:, :, row, column] = (kind & powers > 0).float()
    return F.pixel_shuffle(squares, 2)
