"""Takes the squared error itself: neither halved nor in units of s.

loses: repair-scale-test, repair-loss-test
"""


# %% repair-code
def reconstruction_nats(x, x_hat, s):
    squared = ((x - x_hat) ** 2).sum(dim=1)
    return squared + x.shape[1] * (math.log(s) + 0.5 * math.log(2 * math.pi))


def kl_nats(mu, log_sigma):
    return 0.5 * (mu**2 + (2 * log_sigma).exp() - 1 - 2 * log_sigma).sum(dim=1)


def repaired_loss(x, x_hat, mu, log_sigma, s):
    return (reconstruction_nats(x, x_hat, s) + kl_nats(mu, log_sigma)).mean()
