"""Objectives, optimizers, schedules, the fit loop and staged fine-tuning."""

from typing import TYPE_CHECKING

from tfsv.lazy import lazily

if TYPE_CHECKING:
    from tfsv.training.loop import FitSettings, TrainingStep, fit
    from tfsv.training.objective import Objective, WeightedObjectives
    from tfsv.training.objectives import OBJECTIVES
    from tfsv.training.optimizers import OPTIMIZERS, Optimizer
    from tfsv.training.schedules import LearningRate, Margin
    from tfsv.training.stages import StagedFineTuning, plan_stages

__all__ = [
    "OBJECTIVES",
    "OPTIMIZERS",
    "FitSettings",
    "LearningRate",
    "Margin",
    "Objective",
    "Optimizer",
    "StagedFineTuning",
    "TrainingStep",
    "WeightedObjectives",
    "fit",
    "plan_stages",
]

__getattr__ = lazily(
    __name__,
    {
        "FitSettings": ".loop",
        "LearningRate": ".schedules",
        "Margin": ".schedules",
        "OBJECTIVES": ".objectives",
        "OPTIMIZERS": ".optimizers",
        "Objective": ".objective",
        "Optimizer": ".optimizers",
        "StagedFineTuning": ".stages",
        "TrainingStep": ".loop",
        "WeightedObjectives": ".objective",
        "fit": ".loop",
        "plan_stages": ".stages",
    },
)
