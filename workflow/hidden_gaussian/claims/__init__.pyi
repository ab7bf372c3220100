from . import display
from .evidence import QUANTITIES, Evidence
from .ledger import LEDGER, judge
from .linearity import CALIBRATED
from .verdicts import Claim

__all__ = [
    "CALIBRATED",
    "LEDGER",
    "QUANTITIES",
    "Claim",
    "Evidence",
    "display",
    "judge",
]
