"""Console pages of predictions and jobs, and the platform's view of jobs and models."""

from predictions.admin import jobs, monitoring, own_models, platform, predictions, registry

__all__ = ["jobs", "monitoring", "own_models", "platform", "predictions", "registry"]
