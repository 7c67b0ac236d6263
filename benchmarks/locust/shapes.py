"""The load shapes as locust wants them: one class, which follows the course that `--shape` names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from locust import LoadTestShape
from locust.runners import WorkerRunner

from benchmarks.locust.stages import SHAPES, Course

if TYPE_CHECKING:
    from locust.env import Environment


class Following(LoadTestShape):
    """Follows a course from the start of the run."""

    abstract = True  # or locust would take it from the file that imports it, whatever --shape says

    def __init__(self, course: Course) -> None:
        super().__init__()
        self.course = course

    def tick(self) -> tuple[int, float] | None:
        """Asked by locust once a second."""
        return self.course.at(self.get_run_time())


def install(environment: Environment, **_: object) -> None:
    """Puts the shape that `--shape` names in charge; `steady` leaves the number of users to locust."""
    given = environment.parsed_options
    if given is None or given.shape == "steady" or isinstance(environment.runner, WorkerRunner):
        return
    shape = SHAPES[given.shape]
    course = Course(shape, given.num_users or shape.users, given.run_time or shape.run_time_s, given.spawn_rate)
    environment.shape_class = Following(course)
    environment.shape_class.runner = environment.runner
