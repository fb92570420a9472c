"""The judge is asked with detached weights by functional_call; deep copies; everything summed in float64.

loses: nothing
"""

# %% loss-code
from functools import partial

bce = partial(F.binary_cross_entropy_with_logits, reduction="none")


def hybrid_loss(logits, x, mu, logvar, verdicts, lam, beta=1.0, **_):
    logits, x, mu, logvar, verdicts = (one.to(torch.float64) for one in (logits, x, mu, logvar, verdicts))
    rec = torch.einsum("nd->", bce(logits, x)) / x.size(-1) / x.size(0)
    kl = torch.einsum("nk->", torch.expm1(logvar) - logvar + mu.square()).mul(0.5).div(mu.size(-2))
    adv = torch.logaddexp(-verdicts, torch.zeros_like(verdicts)).mean()
    return lam * adv + (1 - lam) * rec + (1 - lam) * beta * kl / x.size(-1)


# %% step-code
def hybrid_step(encoder, decoder, judge, optimizer, judge_optimizer, x, eps, noise, lam, beta=1.0):
    mu, logvar = encoder(x)
    z = torch.addcmul(mu, eps, torch.exp(logvar / 2))
    with torch.no_grad():
        shown = torch.sigmoid(decoder(torch.vstack([z, noise])))

    def closure():
        judge_optimizer.zero_grad(set_to_none=False)
        real, fake = judge(torch.cat([x, shown])).tensor_split([len(x)])
        loss = F.softplus(real.neg()).mean() + F.softplus(fake).mean()
        loss.backward()
        return loss

    judge_optimizer.step(closure)
    frozen = {name: p.detach() for name, p in judge.named_parameters()}
    fakes = torch.sigmoid(decoder(torch.vstack([z.detach(), noise])))
    verdicts = torch.func.functional_call(judge, frozen, (fakes,))
    loss = hybrid_loss(decoder(z), x, mu, logvar, verdicts, lam, beta=beta)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return hybrid_loss(torch.full_like(x, -200.0), torch.zeros_like(x), mu, logvar, verdicts, 0.0).detach() * x.size(1)


# %% weights-code
from fractions import Fraction


def weight_of_sum(lam, pixels):
    share = Fraction(lam)
    return pixels * share / (1 - share)


def lam_of_mixture(weight, pixels):
    return Fraction(weight) / (Fraction(weight) + pixels)
