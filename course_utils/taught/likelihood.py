"""Chapter 92: the importance weights of a variational autoencoder's draws."""

import torch
import torch.nn.functional as F

from course_utils import schedule


def log_weights(model, x, k):
    """log p(x|z) p(z) / q(z|x) for k draws of z from q: (n, k). `x`: black-and-white pictures."""
    exact = torch.autocast(x.device.type, enabled=False)  # 16-bit numbers only where it trains
    with schedule.autocast() if torch.is_grad_enabled() else exact:
        mu, logvar = (part.to(x.dtype).unsqueeze(1) for part in model.encode(x))  # (n, 1, latent_dim)
        eps = torch.randn(len(x), k, mu.shape[-1], device=x.device, dtype=x.dtype)
        z = mu + (0.5 * logvar).exp() * eps
        logits = model.decode(z).to(x.dtype)  # (n, k, 784); 16-bit numbers end here
    # log p(x|z) = Σ x·logit − softplus(logit), which is minus the binary cross-entropy
    log_likelihood = torch.einsum("nkd,nd->nk", logits, x.flatten(1))
    log_likelihood = log_likelihood - F.softplus(logits).sum(dim=-1)
    # log p(z) − log q(z|x), by way of ε = (z − μ)/σ: the 2π cancel
    return log_likelihood + 0.5 * (eps.square() - z.square() + logvar).sum(dim=-1)
