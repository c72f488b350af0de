"""The bits of each layer: sensitivities, allocation under a budget, plans."""

from typing import TYPE_CHECKING

from tfsv.lazy import lazily

if TYPE_CHECKING:
    from tfsv.bitwidth.allocation import allocate
    from tfsv.bitwidth.candidates import candidate_weights
    from tfsv.bitwidth.front import pareto_front
    from tfsv.bitwidth.hessian import hessian_traces
    from tfsv.bitwidth.methods import METHODS
    from tfsv.bitwidth.plan import BitPlan, LayerPlan
    from tfsv.bitwidth.search import parse_budget
    from tfsv.bitwidth.sensitivity import Method, Row, Sensitivities, measure

__all__ = [
    "METHODS",
    "BitPlan",
    "LayerPlan",
    "Method",
    "Row",
    "Sensitivities",
    "allocate",
    "candidate_weights",
    "hessian_traces",
    "measure",
    "pareto_front",
    "parse_budget",
]

__getattr__ = lazily(
    __name__,
    {
        "BitPlan": ".plan",
        "LayerPlan": ".plan",
        "METHODS": ".methods",
        "Method": ".sensitivity",
        "Row": ".sensitivity",
        "Sensitivities": ".sensitivity",
        "allocate": ".allocation",
        "candidate_weights": ".candidates",
        "hessian_traces": ".hessian",
        "measure": ".sensitivity",
        "pareto_front": ".front",
        "parse_budget": ".search",
    },
)
