from . import cost, ownership, resources

__all__ = ["cost", "ownership", "resources"]
