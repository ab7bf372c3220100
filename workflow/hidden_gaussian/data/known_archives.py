"""What is known of the archives of the paper: where they are, and under which terms."""

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
        licence="CC BY-NC-SA 4.0 by NVIDIA; single photographs under terms of their own",
        instructions="follow https://github.com/NVlabs/ffhq-dataset, fetch its folder thumbnails128x128 (70,000 PNG "
        "files, 2 GB) and pack it by 'zip -r0 ffhq.zip thumbnails128x128'",
    ),
    "celebahq": Download(
        licence="CC BY-NC 4.0; photographs of CelebA, for research that is not commercial only",
        instructions="follow https://github.com/tkarras/progressive_growing_of_gans, which makes its 30,000 images "
        "from CelebA, or take a copy of them as PNG or JPEG, and pack them as celebahq.zip",
    ),
    "afhq": Download(
        licence="CC BY-NC 4.0 by NAVER",
        instructions="fetch afhq_v2.zip (15,803 PNG files, 7 GB) as https://github.com/clovaai/stargan-v2 describes",
    ),
    "churches": Download(
        licence="no licence is stated; research only, cite Yu et al. (2015)",
        instructions="fetch church_outdoor_train_lmdb.zip by https://github.com/fyu/lsun, export its 126,227 images "
        "with that project's data.py, and pack them as churches.zip",
    ),
}
"""By the names under 'archives'; the setting 'downloads' of the same name takes precedence, such as for a mirror."""
