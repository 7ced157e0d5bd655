"""Runs compiled image restoration plans on CPUs.

    import evssm

    with evssm.Plan("deblurring.plan") as plan:
        sharp = plan.restore(blurred)      # uint8, height × width × 3
        output = plan.run(tensor)          # float32, 3 × height × width, values in [0, 1]

A plan is a file that ``evssm compile`` writes. Its weights are mapped from the file: all plans of one file, in any
number of processes, share one copy in memory.
"""

from ._errors import BadPlan, Busy, Cancelled, DeadlineExceeded, Error, InvalidArgument, OutOfMemory
from ._plan import CancelFlag, Plan, PlanInfo, Session

__all__ = [
    "BadPlan",
    "Busy",
    "CancelFlag",
    "Cancelled",
    "DeadlineExceeded",
    "Error",
    "InvalidArgument",
    "OutOfMemory",
    "Plan",
    "PlanInfo",
    "Session",
]
