from .autoencoders import train_autoencoders
from .imported import import_network
from .segment import Segment, digest_of, train_segment
from .state import TrainingState

__all__ = ["Segment", "TrainingState", "digest_of", "import_network", "train_autoencoders", "train_segment"]
