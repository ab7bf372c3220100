from . import ledger
from .evidence import QUANTITIES, Evidence, Missing, OneLevel, Shrunk
from .judging import LEDGER, judge
from .linearity import CALIBRATED
from .verdicts import Claim

__all__ = [
    "CALIBRATED",
    "LEDGER",
    "QUANTITIES",
    "Claim",
    "Evidence",
    "Missing",
    "OneLevel",
    "Shrunk",
    "judge",
    "ledger",
]
