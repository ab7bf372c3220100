from . import autoencoders, segment
from .imported import import_network
from .segment import Segment
from .state import TrainingState

__all__ = ["Segment", "TrainingState", "autoencoders", "import_network", "segment"]
