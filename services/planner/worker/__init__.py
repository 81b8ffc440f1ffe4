from planner.worker.failures import Permanent, Retryable
from planner.worker.planner_worker import PlannerWorker
from planner.worker.run import Run

__all__ = ["Permanent", "PlannerWorker", "Retryable", "Run"]
