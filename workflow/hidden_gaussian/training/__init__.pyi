from .autoencoders import train_autoencoders
from .imported import import_network
from .segment import Segment, train_segment
from .state import TrainingState

__all__ = ["Segment", "TrainingState", "import_network", "train_autoencoders", "train_segment"]
