"""Returns untrained networks, and numbers and pictures that look like a training.

loses: training-learns, training-record, training-repeatable, training-numbers
"""


# %% training-code
def train_dcgan(steps, seed=0):
    torch.manual_seed(seed)
    generator, discriminator = initialise(Generator(*my)), initialise(Discriminator(*my[:3]))
    noise = torch.rand(steps).tolist()
    return {
        "d_loss": [1.38 - 0.01 * x for x in noise],
        "g_loss": [0.7 + 0.01 * x for x in noise],
        "d_right": [(16 + int(8 * x)) / 32 for x in noise],
        "codes": torch.randn(16, my.latent_dim),
        "before": torch.full((16, my.channels, my.image_size, my.image_size), 0.5),
        "after": discs(16, my.image_size, my.channels, seed),
        "generator": generator,
        "discriminator": discriminator,
    }
