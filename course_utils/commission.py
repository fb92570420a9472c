"""What exercise 05 draws from a student's id, so that neighbours have different sizes to work with."""

import hashlib
from typing import NamedTuple

# Each of these meets an odd side when it is halved again and again, but not at the same places from either end.
IMAGE_SIZES = (17, 18, 21, 22, 25, 26, 36, 38, 41, 43, 44, 49, 51, 54)


class Commission(NamedTuple):
    image_size: int  # the side of the square pictures, in pixels
    channels: int  # 1 for grey, 3 for colour
    width: int  # channels of the largest map inside the networks
    latent_dim: int  # coordinates of the noise


def commission(student_id: str) -> Commission:
    """The DCGAN that `student_id` is to build: always the same for the same id; case and outer blanks do not matter."""

    def draw(what, choices):
        key = f"{what} of {student_id.strip().lower()}".encode()
        return choices[int(hashlib.sha256(key).hexdigest(), 16) % len(choices)]

    sizes = draw("image size", IMAGE_SIZES), draw("channels", (1, 3))
    return Commission(*sizes, draw("width", (6, 8, 10)), draw("latent dimension", (12, 16, 20, 24)))
