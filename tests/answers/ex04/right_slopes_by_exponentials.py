"""Slopes from 1/(1 + e^s) in float64, costs by logaddexp, orders by logsigmoid.

loses: nothing
"""


# %% slopes
def slopes(s):
    exact = s.double()
    return (-1 / (1 + torch.exp(-exact))).to(s.dtype), (-1 / (1 + torch.exp(exact))).to(s.dtype)


# %% orders
def orders_of_magnitude(s):
    return (F.logsigmoid(-s) - F.logsigmoid(s)) * math.log10(math.e)


# %% costs
def discriminator_cost(real_logits, fake_logits):
    zero = torch.zeros(())
    return torch.logaddexp(zero, -real_logits).sum() + torch.logaddexp(zero, fake_logits).sum()


def generator_cost(real_logits, fake_logits):
    print("the constant:", F.logsigmoid(real_logits).sum())
    return F.logsigmoid(real_logits).sum() + F.logsigmoid(-fake_logits).sum()
