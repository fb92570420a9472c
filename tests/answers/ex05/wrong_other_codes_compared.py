"""Returns the pictures of the company.

loses: company-eval, company-pictures
"""


# %% company-code
@torch.no_grad()
def in_company(generator, same, company):
    return generator(torch.cat([same, company]))[-len(same) :]
