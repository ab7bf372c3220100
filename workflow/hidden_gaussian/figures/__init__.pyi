from . import catalogue
from .catalogue import CATALOGUE

__all__ = ["CATALOGUE", "catalogue"]
