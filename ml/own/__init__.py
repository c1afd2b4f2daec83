"""A model of one's own: any numeric columns and a target of 0 and 1, with the members of the shipped model.

`read_sample` checks a labelled table, `develop` fits and validates, `OwnModel` scores.
"""

from ml.own.fitting import develop
from ml.own.model import OwnModel
from ml.own.sample import Finding, Sample, SampleError, read_sample

__all__ = ["Finding", "OwnModel", "Sample", "SampleError", "develop", "read_sample"]
