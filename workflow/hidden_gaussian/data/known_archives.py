"""The archives of the paper: their addresses and licences."""

from __future__ import annotations

from hidden_gaussian.settings import Download

KNOWN = {
    "cifar10": Download(
        url="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
        size=170_498_071,
        sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
        licence="no licence is stated; its authors ask to cite Krizhevsky (2009)",
    ),
    "ffhq": Download(
        licence="CC BY-NC-SA 4.0 by NVIDIA; single photographs have their own terms",
        instructions="follow https://github.com/NVlabs/ffhq-dataset, download its folder thumbnails128x128 (70,000 PNG "
        "files, 2 GB) and pack it with 'zip -r0 ffhq.zip thumbnails128x128'",
    ),
    "celebahq": Download(
        licence="CC BY-NC 4.0; photographs of CelebA, for non-commercial research only",
        instructions="follow https://github.com/tkarras/progressive_growing_of_gans, which makes its 30,000 images "
        "from CelebA, or get a copy of them as PNG or JPEG, and pack them as celebahq.zip",
    ),
    "afhq": Download(
        licence="CC BY-NC 4.0 by NAVER",
        instructions="download afhq_v2.zip (15,803 PNG files, 7 GB) as https://github.com/clovaai/stargan-v2 describes",
    ),
    "churches": Download(
        licence="no licence is stated; research only, cite Yu et al. (2015)",
        instructions="download church_outdoor_train_lmdb.zip with https://github.com/fyu/lsun, export its 126,227 "
        "images with that project's data.py, and pack them as churches.zip",
    ),
}
"""By the names under 'archives'; an entry of the same name under 'downloads' takes precedence, such as a mirror."""
