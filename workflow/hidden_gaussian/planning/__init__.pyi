from . import cost, dates, ownership, preflight, resources, retraining

__all__ = ["cost", "dates", "ownership", "preflight", "resources", "retraining"]
