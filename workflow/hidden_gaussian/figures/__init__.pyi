from .registry import ENTRIES, available, draw, input_files, visible

__all__ = ["ENTRIES", "available", "draw", "input_files", "visible"]
