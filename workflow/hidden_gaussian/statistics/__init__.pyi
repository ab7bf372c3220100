from . import bootstrap, mixing_blocks, replicates
from .bootstrap import Estimate, stream_of

__all__ = ["Estimate", "bootstrap", "mixing_blocks", "replicates", "stream_of"]
