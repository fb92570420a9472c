"""Seeds nothing.

loses: training-repeatable
"""


# %% training-code
def train_dcgan(steps, seed=0):
    """Train your DCGAN for `steps` alternations. Returns a dictionary:

    "d_loss", "g_loss", "d_right": lists with one float for each alternation;
    "before", "after": the pictures of the same 16 codes before and after the training, in eval mode, pixels from 0 to 1.
    """
    generator = initialise(Generator(*my))
    discriminator = initialise(Discriminator(*my[:3]))
    optimizer_g = torch.optim.Adam(generator.parameters(), 0.006, betas=(0.5, 0.99))
    optimizer_d = torch.optim.Adam(discriminator.parameters(), 0.002, betas=(0.5, 0.99))
    data = 2 * discs(512, my.image_size, my.channels) - 1
    codes = torch.randn(16, my.latent_dim)

    @torch.no_grad()
    def draw():
        pictures = generator.eval()(codes)
        generator.train()
        return (pictures + 1) / 2

    record = {"d_loss": [], "g_loss": [], "d_right": [], "codes": codes, "before": draw()}
    for _ in range(steps):
        real, z = data[torch.randint(len(data), (16,))], torch.randn(16, my.latent_dim)
        with torch.no_grad():
            right = torch.cat([discriminator(real) > 0, discriminator(generator(z)) < 0])
        record["d_right"].append(right.float().mean().item())
        record["d_loss"].append(discriminator_step(generator, discriminator, optimizer_d, real, z))
        record["g_loss"].append(generator_step(generator, discriminator, optimizer_g, z))
    return record | {"after": draw(), "generator": generator, "discriminator": discriminator}
