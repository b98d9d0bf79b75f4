"""A learnt model as data that the ledger stores, and back: the numbers are the same to the bit."""

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from models.policy.policy import CalendarPolicy
from rules.early_warning.calibration import Calibration
from rules.early_warning.columns import CodeBook
from rules.early_warning.features import VERSION
from rules.early_warning.logistic import Logistic
from rules.early_warning.statistics import MorningCounts
from rules.early_warning.survival import Survival
from rules.early_warning.training import Fit

if TYPE_CHECKING:
    from rules.early_warning.model import Regression, WarningModel


class OtherVersion(ValueError):
    """A stored model has other features than this version of Forewarn."""


def model_data(model: "WarningModel") -> dict[str, Any]:
    """Return a model as JSON data."""
    return {
        "features": VERSION,
        "version": model.version,
        "as_of": model.as_of.isoformat(),
        "late_days": model.late_days,
        "days": model.days.model_dump(mode="json"),
        "arrived": model.arrived,
        "late": model.late,
        "drifted": model.drifted,
        "groups": {name: [list(key) for key in codes] for name, codes in model.codes.groups.items()},
        "statuses": list(model.codes.statuses),
        "counts": None if model.counts is None else _counts_data(model.counts),
        "regression": None if model.regression is None else _regression_data(model.regression),
    }


def model_fields(data: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a model; raises OtherVersion where its features were others."""
    from rules.early_warning.model import Regression

    if data["features"] != VERSION:
        raise OtherVersion(f"version {data['features']} of the features, where {VERSION} is known")
    groups = {name: {tuple(key): n for n, key in enumerate(keys)} for name, keys in data["groups"].items()}
    regression = data["regression"]
    return {
        "as_of": date.fromisoformat(data["as_of"]),
        "late_days": data["late_days"],
        "days": CalendarPolicy(**data["days"]),
        "arrived": data["arrived"],
        "late": data["late"],
        "drifted": data["drifted"],
        "codes": CodeBook(groups, {status: n for n, status in enumerate(data["statuses"])}),
        "counts": None if data["counts"] is None else _counts(data["counts"]),
        "regression": None if regression is None else Regression(*_regression_parts(regression)),
        "version": data["version"],
    }


def _counts_data(counts: MorningCounts) -> dict[str, Any]:
    return {
        "first_day": counts.survival.first_day,
        "still_out": counts.survival.log_still_out.tolist(),
        "tables": {name: [hits.tolist(), cases.tolist()] for name, (hits, cases) in counts.tables.items()},
    }


def _counts(data: dict[str, Any]) -> MorningCounts:
    survival = Survival(np.array(data["still_out"]), data["first_day"])
    tables = {
        name: (np.array(hits, np.int64), np.array(cases, np.int64)) for name, (hits, cases) in data["tables"].items()
    }
    return MorningCounts(survival, tables)


def _regression_data(regression: "Regression") -> dict[str, Any]:
    fit, calibration = regression.fit, regression.calibration
    return {
        "offset": fit.logistic.offset,
        "weights": fit.logistic.weights.tolist(),
        "centre": fit.centre.tolist(),
        "scale": fit.scale.tolist(),
        "calibration": [calibration.slope, calibration.offset, calibration.by_day],
        "usual": regression.usual.tolist(),
    }


def _regression_parts(data: dict[str, Any]) -> tuple[Fit, Calibration, Any]:
    logistic = Logistic(data["offset"], np.array(data["weights"]))
    fit = Fit(logistic, np.array(data["centre"]), np.array(data["scale"]))
    return fit, Calibration(*data["calibration"]), np.array(data["usual"])
