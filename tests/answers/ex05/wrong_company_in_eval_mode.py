"""Switches to eval mode, so that there is no company.

loses: company-eval, company-pictures
"""


# %% company-code
@torch.no_grad()
def in_company(generator, same, company):
    return generator.eval()(torch.cat([same, company]))[: len(same)]
