"""The master scale: its bands, and what is refused."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from ml.categories import CATEGORIES, DEFAULT_CUTOFFS, categorise
from ml.masterscale import LEAST_GRADES, MasterScaleError, default_scale, parse, scale_of, validate


@pytest.fixture
def content():
    return copy.deepcopy(default_scale().as_json())


def test_the_default_scale_is_long_enough_and_covers_every_pd():
    scale = default_scale()
    assert len(scale.grades) >= LEAST_GRADES
    assert scale.grades[0].lower == 0.0
    assert scale.grades[-1].upper == 1.0
    found = scale.assign([0.0, 0.0005, 0.03, 0.0699999, 0.07, 0.5, 1.0, np.nan])
    assert found.tolist() == ["1", "2", "8", "8", "9", "10", "10", ""]
    assert scale.grade(0.03).label == "Watch"


def test_grades_never_straddle_a_category():
    scale = default_scale()
    bounds = {grade.upper for grade in scale.grades}
    assert {DEFAULT_CUTOFFS.medium, DEFAULT_CUTOFFS.high, DEFAULT_CUTOFFS.critical} <= bounds
    reached = set(categorise([grade.middle for grade in scale.grades]).tolist())
    assert reached == set(CATEGORIES)


def test_the_middle_of_a_grade_lies_inside():
    for grade in default_scale().grades:
        assert grade.lower <= grade.middle <= grade.upper


def test_grades_follow_the_order_of_the_pds():
    scale = default_scale()
    order = [grade.grade for grade in scale.grades]
    found = [order.index(name) for name in scale.assign(np.linspace(0.0, 1.0, 5001))]
    assert found == sorted(found)


def test_an_empty_setting_means_the_default():
    assert scale_of({}) is default_scale()
    assert scale_of(None) is default_scale()
    validate({})


def test_what_is_written_reads_back(content):
    assert parse(content) == default_scale()


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        (lambda c: c["grades"].reverse(), "/grades/1/upper"),
        (lambda c: c["grades"][2].update(upper=0.001), "/grades/2/upper"),
        (lambda c: c["grades"][2].update(upper="0.1"), "/grades/2/upper"),
        (lambda c: c["grades"][2].update(upper=float("nan")), "/grades/2/upper"),
        (lambda c: c["grades"][-1].update(upper=0.9), "/grades/9/upper"),
        (lambda c: c["grades"][-1].update(upper=1.5), "/grades/9/upper"),
        (lambda c: c["grades"][3].update(grade="1"), "/grades/3/grade"),
        (lambda c: c["grades"][3].update(grade="D"), "/grades/3/grade"),
        (lambda c: c["grades"][3].update(grade=" "), "/grades/3/grade"),
        (lambda c: c["grades"].__setitem__(3, "B"), "/grades/3/grade"),
        (lambda c: c.update(grades=c["grades"][-6:]), "/grades"),
        (lambda c: c.update(grades="1234567"), "/grades"),
        (lambda c: c.update(default={"grade": 5}), "/default/grade"),
        (lambda c: c.update(grade=[]), "/grade"),
    ],
)
def test_a_scale_that_is_not_one_is_refused_with_its_place(content, change, pointer):
    change(content)
    with pytest.raises(MasterScaleError) as refused:
        parse(content)
    assert refused.value.pointer == pointer
    with pytest.raises(MasterScaleError):
        validate(content)


def test_the_grades_alone_are_a_scale(content):
    assert parse(tuple(content["grades"])).grades == default_scale().grades


@pytest.mark.parametrize("content", [[], "AAA", 5])
def test_something_else_than_an_object_is_refused(content):
    with pytest.raises(MasterScaleError):
        parse(content)
