"""Results that no border guard has seen: huge, nested, circular, without data, sparse.

base: reference
loses: energy-by-hand, energy-empty
"""

CODE = r"""
count = 0


def energy(x):
    global count
    count += 1
    circle = []
    circle.append(circle)
    deep = []
    for _ in range(100_000):
        deep = [deep]
    return [
        10**5000,
        circle,
        deep,
        torch.ones(3, device="meta"),
        torch.eye(3).to_sparse(),
        torch.ones(1).expand(10**10),
        torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.quint8),
        "x" * 10**8,
        {1: 2, (3,): {4}},
        {torch.ones(1): 1},
        float("nan"),
        object,
        lambda: 1,
    ][count % 13]
"""


def change(notebook):
    notebook.answer("energy-code", CODE)
