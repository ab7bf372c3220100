"""One thread in every process, as the rules run them: sums of two threads differ in their last bits."""

import os

import pytest

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory):
    """Results of one tiny dataset, made without the library's measurements."""
    from synthetic_results import World, settings

    made = World(tmp_path_factory.mktemp("digits"), settings())
    made.add_imitation()
    made.write()
    return made
