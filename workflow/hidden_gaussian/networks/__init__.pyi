from . import edm_pickle
from .architectures import ARCHITECTURES, build, rebuild
from .dropout import Dropout
from .edm_pickle import Record
from .preconditioning import Parametrisation, Preconditioned

__all__ = ["ARCHITECTURES", "Dropout", "Parametrisation", "Preconditioned", "Record", "build", "edm_pickle", "rebuild"]
