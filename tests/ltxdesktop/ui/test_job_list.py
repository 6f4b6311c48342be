"""The list of jobs keeps the order in which a person thinks of them, and says what each job does."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from engine.protocol.messages import Cancelled, Done, Failed, JobProgress, JobRow, Queued, Result, Running
from ltxdesktop.ui.models.job_list import JobListModel

DONE = Done(result=Result(files=()))


@pytest.fixture
def jobs(qtmodeltester) -> JobListModel:
    model = JobListModel()
    qtmodeltester.check(model)
    model.show_list(
        (
            JobRow(job="run", mode="text_to_video", state="running", title="running"),
            JobRow(job="one", mode="retake", state="queued", title="first"),
            JobRow(job="two", mode="retake", state="queued", title="second"),
            JobRow(job="old", mode="retake", state="done", title="old"),
        )
    )
    return model


def order(model: JobListModel) -> list[str]:
    return [entry.job for entry in model.entries()]


def test_new_job_waits_behind_the_others(jobs: JobListModel):
    jobs.add("new", "newest", Queued())
    assert order(jobs) == ["run", "one", "two", "new", "old"]


def test_job_that_ends_goes_before_those_that_ended_earlier(jobs: JobListModel):
    jobs.change("run", DONE)
    assert order(jobs) == ["one", "two", "run", "old"]


def test_job_that_begins_goes_first(jobs: JobListModel):
    jobs.change("run", Cancelled())
    jobs.change("two", Running())
    assert order(jobs) == ["two", "one", "run", "old"]


def test_retried_job_waits_again(jobs: JobListModel):
    jobs.change("run", Failed(kind="internal", message="broke"))
    jobs.change("run", Queued())
    assert order(jobs) == ["one", "two", "run", "old"]
    entry = jobs.entry("run")
    assert entry is not None
    assert entry.message == ""


def test_status_says_phase_step_and_time_left(jobs: JobListModel):
    progress = JobProgress(job="run", phase="stage 1", step=2, steps=8, fraction=0.4, seconds_left=65)
    jobs.show_progress(progress)
    entry = jobs.entry("run")
    assert entry is not None
    assert entry.status == "Stage 1 · step 3 of 8 · 1:05 left"
    assert entry.fraction == 0.4
    index = jobs.index(0)
    assert jobs.data(index, Qt.ItemDataRole.AccessibleTextRole) == "running, Stage 1 · step 3 of 8 · 1:05 left"


def test_what_has_no_steps_of_a_model_is_said_in_per_cent(jobs: JobListModel):
    jobs.show_progress(
        JobProgress(
            job="run", phase="loading", step=12, steps=100, phase_index=2, phase_count=9, variation=1, variations=4
        )
    )
    entry = jobs.entry("run")
    assert entry is not None
    assert entry.status == "Loading · 12 % · take 2 of 4"
    assert jobs.data(jobs.index(0), Qt.ItemDataRole.ToolTipRole) == "running\nLoading · 12 % · take 2 of 4\nPart 3 of 9"


def test_progress_of_a_job_that_ended_is_dropped(jobs: JobListModel):
    jobs.change("run", Failed(kind="internal", message="broke", can_retry=False))
    jobs.show_progress(JobProgress(job="run", phase="decoding"))
    entry = jobs.entry("run")
    assert entry is not None
    assert (entry.status, entry.can_retry, entry.progress) == ("broke", False, None)


def test_cancelling_shows_until_it_ended(jobs: JobListModel):
    jobs.mark_cancelling("run")
    assert jobs.entry("run").status == "Cancelling…"
    jobs.change("run", Cancelled(message="Nothing was charged."))
    assert jobs.entry("run").status == "Nothing was charged."


@pytest.mark.parametrize(
    ("job", "step", "expected"), [("one", 1, "two"), ("two", 1, ""), ("two", -1, "one"), ("one", -1, "")]
)
def test_neighbours_are_those_in_the_queue(jobs: JobListModel, job: str, step: int, expected: str):
    assert jobs.neighbour(job, step) == expected


def test_clearing_leaves_what_has_not_ended(jobs: JobListModel):
    jobs.remove_ended()
    assert order(jobs) == ["run", "one", "two"]


def test_new_list_keeps_progress_of_jobs_that_stay(jobs: JobListModel):
    jobs.show_progress(JobProgress(job="run", phase="decoding"))
    jobs.show_list((JobRow(job="run", mode="text_to_video", state="running", title="running"),))
    assert jobs.entry("run").status == "Decoding"
