from . import cost, resources

__all__ = ["cost", "resources"]
