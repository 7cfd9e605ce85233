"""Jobs that workers run: bulk imports, rebuilds of the index and comparisons of networks, one row each."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db import DatabaseError

from catalog.exceptions import CatalogueBusy, ImageSearchError
from catalog.models import Import, NetworkComparison, Rebuild
from catalog.querysets import LeaseQuerySet
from catalog.services.jobs import leases
from catalog.services.jobs.progress import Progress

Job = TypeVar("Job", Import, Rebuild, NetworkComparison)

PROGRESS_INTERVAL_SECONDS = 0.5


@dataclass(frozen=True)
class JobQueue(Generic[Job]):
    """The jobs of one model, and how to run one of them.

    Attributes:
        model: `Import`, `Rebuild` or `NetworkComparison`.
        execute: runs one job to its end. A job that was interrupted is executed again.
        max_attempts: a job fails if its worker died this often.
        permanent_errors: exceptions of `execute` that make the job fail.
        temporary_errors: exceptions of `execute` after which the job waits for another attempt, with the error as its
            failure reason. They take precedence over `permanent_errors`.
        on_finish: called after a job is done or has failed.
    """

    model: type[Job]
    execute: Callable[[Job], None]
    max_attempts: int
    permanent_errors: tuple[type[ImageSearchError], ...]
    temporary_errors: tuple[type[ImageSearchError], ...] = ()
    on_finish: Callable[[Job], None] = lambda job: None

    def unfinished(self) -> LeaseQuerySet:
        """The jobs that wait or run, in the order of their creation."""
        return self.model.objects.filter(state__in=self._unfinished_states()).order_by("pk")

    def is_unfinished(self, job: Job) -> bool:
        """Whether the job waits or runs."""
        return job.state in self._unfinished_states()

    def run(self, jobs: LeaseQuerySet) -> bool:
        """Run those of the unfinished `jobs` that no other worker has leased. Returns False if there are none.

        Raises:
            ImageSearchError, DatabaseError: `execute` raised it, and it is not a permanent error. The job is released,
                and this attempt does not count.
        """
        if not leases.any_available(jobs):
            return False
        with leases.lease_owner(self.model) as owner:
            try:
                while leased := leases.lease(jobs, owner, 1):
                    self._run_job(leased[0])
            except (ImageSearchError, DatabaseError, KeyboardInterrupt):
                self.model.objects.release_without_attempt(owner)  # the job is not the cause
                raise
        return True

    def _unfinished_states(self) -> tuple[str, str]:
        return self.model.State.WAITING, self.model.State.RUNNING

    def _run_job(self, job: Job) -> None:
        state = self.model.State
        permanent_errors: tuple[type[ImageSearchError], ...] = (JobAbandoned, *self.permanent_errors)
        self._update(job, state.RUNNING)
        try:
            self._check_attempts(job)
            self.execute(job)
        except CatalogueBusy:  # no error: another process is at work that excludes this job
            self._update(job, state.WAITING)
            raise
        except self.temporary_errors as error:
            self._update(job, state.WAITING, str(error))
            raise
        except permanent_errors as error:
            self._finish(job, state.FAILED, str(error))
        else:
            self._finish(job, state.DONE)

    def _check_attempts(self, job: Job) -> None:
        if job.attempts > self.max_attempts:
            raise JobAbandoned(
                "The worker stopped unexpectedly {count} times while running this job. Check the worker's log, "
                "then start a new job.",
                count=self.max_attempts,
            )

    def _update(self, job: Job, state: str, failure_reason: str = "") -> None:
        self.model.objects.filter(pk=job.pk).update(state=state, failure_reason=failure_reason[:500])

    def _finish(self, job: Job, state: str, failure_reason: str = "") -> None:
        self.model.objects.filter(pk=job.pk).update(
            state=state, failure_reason=failure_reason[:500], lease_owner="", lease_expires_at=None
        )
        self.on_finish(job)


def record_progress(job: Rebuild | NetworkComparison, between_steps: Callable[[str], None]) -> Progress:
    """Return a progress callback that saves the progress of a job and renews its lease, twice a second.

    Args:
        between_steps: called with the phase after each of these updates.
    """
    saved_at: dict[str, float] = {}

    def save_progress(phase: str, done: int, total: int) -> None:
        now = time.monotonic()
        if done < total and now - saved_at.get(phase, -PROGRESS_INTERVAL_SECONDS) < PROGRESS_INTERVAL_SECONDS:
            return
        saved_at[phase] = now
        type(job).objects.filter(pk=job.pk).update(phase=phase, done=done, total=total)
        leases.renew(job)
        between_steps(phase)

    return save_progress


class JobAbandoned(ImageSearchError):
    """The job was interrupted too often to be tried again."""
