"""Scoring again on another version of the model, in the background, without losing what was scored."""
