"""What the status line says while a tuning job runs."""

from scripts.tuning.cloud.ending import progress


def test_the_status_line_has_the_numbers_of_jobs_and_the_best_value() -> None:
    counts = {"Completed": 3, "InProgress": 2, "RetryableError": 0, "NonRetryableError": 1, "Stopped": 0}
    best = {"Type": "Maximize", "MetricName": "validation:accuracy", "Value": 0.91234567}
    description = {
        "TrainingJobStatusCounters": counts,
        "BestTrainingJob": {"FinalHyperParameterTuningJobObjectiveMetric": best},
    }
    assert progress(description) == "3 Completed, 2 InProgress, 1 NonRetryableError, best validation:accuracy 0.912346"
    assert progress({}) == ""
