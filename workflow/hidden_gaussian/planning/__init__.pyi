from . import cost, ownership, preflight, resources

__all__ = ["cost", "ownership", "preflight", "resources"]
