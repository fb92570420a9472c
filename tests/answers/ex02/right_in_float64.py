"""Works in float64 inside; one big draw; training written with a closure and the course's own KL.

loses: nothing
"""


# %% kl-code
def kl_gaussians(mu_q, logvar_q, mu_p, logvar_p):
    mu_q, logvar_q, mu_p, logvar_p = (t.double() for t in (mu_q, logvar_q, mu_p, logvar_p))
    per_coordinate = 0.5 * (logvar_p - logvar_q - 1 + (logvar_q.exp() + (mu_q - mu_p) ** 2) / logvar_p.exp())
    return per_coordinate.sum(dim=-1)


# %% hidden-beta-code
def hidden_beta(D, s):
    return torch.tensor(D / 2.0) / s / s


# %% draw-code
def draw_codes(mu, logvar, draws):
    eps = torch.randn(draws, len(mu), mu.shape[1], dtype=torch.float64)
    return mu.double() + logvar.double().exp().sqrt() * eps


# %% pathwise-code
def pathwise_gradient(mu, logvar, draws):
    with torch.no_grad():  # the chain rule by hand: f'(z) = -sin z, dz/dmu = 1, dz/dlogvar = (z - mu) / 2
        z = draw_codes(mu, logvar, draws)
        slope = -z.sin()
        return slope.mean(dim=0), (slope * (z - mu) / 2).mean(dim=0)


# %% experiment-code
def train_small(train_x, beta, steps, seed=0, floor=0.0):
    from course_utils.taught.vae import negative_elbo

    torch.manual_seed(seed)
    model = SmallVAE()
    adam = torch.optim.Adam([*model.encoder.parameters(), *model.decoder.parameters()], lr=0.005)
    for step in range(steps):
        x = train_x[torch.randperm(len(train_x))[:128]]
        mu, logvar = model.encode(x)
        logits = model.decoder(torch.distributions.Normal(mu, (logvar / 2).exp()).rsample())
        if floor > 0:
            per_unit = 0.5 * (mu.square() + logvar.exp() - 1 - logvar)
            loss = reconstruction_loss(logits, x).mean() + beta * free_bits(per_unit, floor)
        else:
            loss = negative_elbo(logits, x, mu, logvar, beta)
        adam.zero_grad()
        loss.backward()
        adam.step()
        if step % 100 == 0:
            print(step, loss.item())
    return model


# %% measure-code
def measure(vae, x):
    from course_utils.taught.vae import kl_to_standard_normal

    mu, logvar = vae.encode(x)
    logits = vae.decoder(mu + torch.exp(logvar / 2) * torch.randn(mu.shape))
    return {
        "active": sum(bool(v > 0.01) for v in mu.var(0)),
        "distortion": float(reconstruction_loss(logits, x).mean()),
        "rate": float(kl_to_standard_normal(mu, logvar).mean()),
    }
