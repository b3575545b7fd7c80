"""Reports by the clock: a due time becomes one run, a run one message, and an alert fires once each time it is crossed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest
from flask import Flask
from rq import Queue
from sqlalchemy import update

from app.accounts.models import User
from app.core.actor import Actor
from app.core.clock import frozen
from app.db import db, in_transaction, transaction
from app.insights.connection import QueryTimedOut
from app.insights.question import Filter, Question
from app.insights.saved import clockwork, making, service
from app.insights.saved.jobs import sweep
from app.insights.saved.making import KEPT_RUNS, LEASE, make, work_out
from app.insights.saved.models import ReportRun, SavedReport
from app.insights.saved.rules import Alert, Schedule
from app.language.periods import rolling
from app.runtime import redis_bytes
from tests.builders import actor_of
from tests.builders import save as save_row
from tests.insights.saved.report_rows import (
    DAILY,
    DUE,
    GMV,
    change,
    letters,
    operator,
    report_now,
    runs_of,
    save,
)
from tests.insights.shop_data import TODAY, demo_file, demo_shop, report_of  # noqa: F401
from tests.parallel import at_once, in_parallel

DAY = timedelta(days=1)


def operator_of(report: SavedReport) -> Actor:
    db.session.rollback()
    return actor_of(db.session.get_one(User, report.owner_id), locale="en")


def claim() -> list[int]:
    return in_transaction(clockwork.claim_due)


@contextmanager
def due_at(moment: datetime = DUE) -> Iterator[None]:
    with frozen(moment):
        yield


@pytest.fixture
def scheduled(each_app: Flask) -> Iterator[SavedReport]:
    """Olga's report, due daily at half past eight, on an empty shop."""
    with each_app.app_context():
        with frozen(DUE - timedelta(hours=1)):
            olga = operator("olga")
            report = save(olga)
            change(olga, report)
        yield report


def test_nothing_happens_before_its_time(scheduled: SavedReport) -> None:
    with frozen(DUE - timedelta(seconds=1)):
        assert claim() == []
    assert runs_of(scheduled.id) == []


def test_a_due_time_is_one_run_however_many_schedulers_look(each_app: Flask, scheduled: SavedReport) -> None:
    with due_at():
        outcomes = in_parallel(each_app, at_once(clockwork.claim_due, 12))
        assert sum(len(each) for each in outcomes) == 1
        assert claim() == []
    (run,) = runs_of(scheduled.id)
    assert (run.due_at, run.status) == (DUE, "pending")
    assert report_now(scheduled.id).next_due_at == DUE + DAY


def test_many_due_reports_are_shared_out_without_loss(each_app: Flask) -> None:
    with each_app.app_context():
        with frozen(DUE - timedelta(hours=1)):
            reports = []
            for name in ("olga", "oscar", "ona", "otto"):
                owner = operator(name)
                for _ in range(5):
                    reports.append(save(owner))
                    change(owner, reports[-1])
        with due_at():
            outcomes = in_parallel(each_app, at_once(clockwork.claim_due, 6))
        claimed = [run for each in outcomes for run in each]
        assert len(claimed) == len(set(claimed)) == len(reports) == 20
        assert all(len(runs_of(report.id)) == 1 for report in reports)


def test_days_that_were_missed_are_made_up_for_once(scheduled: SavedReport) -> None:
    with frozen(DUE + 5 * DAY + timedelta(hours=1)):
        assert len(claim()) == 1
        assert claim() == []
    assert report_now(scheduled.id).next_due_at == DUE + 6 * DAY


def test_a_schedule_put_on_again_within_its_minute_is_not_due_twice(scheduled: SavedReport) -> None:
    with due_at():
        claim()
        # As after a restored backup, or a clock set back.
        with transaction() as session:
            session.execute(update(SavedReport).values(next_due_at=DUE))
        assert claim() == []
        assert report_now(scheduled.id).next_due_at == DUE + DAY
    assert len(runs_of(scheduled.id)) == 1


def test_one_worker_of_many_makes_a_run(each_app: Flask, scheduled: SavedReport) -> None:
    with due_at():
        (run_id,) = claim()
        works = in_parallel(each_app, at_once(partial(making._claim, run_id), 12))
        held = [work for work in works if work is not None]
        assert len(held) == 1
        outcome = work_out(GMV, None)
        finished = in_parallel(each_app, at_once(partial(making._finish, held[0], outcome), 6))
        assert finished.count(True) == 1
    owner = operator_of(scheduled)
    assert len(letters(owner)) == 1


def test_a_run_whose_worker_died_is_taken_back_once(each_app: Flask, scheduled: SavedReport) -> None:
    with due_at():
        (run_id,) = claim()
        dead = in_transaction(partial(making._claim, run_id))
        assert dead is not None
        assert in_transaction(clockwork.take_back) == []
    with frozen(DUE + LEASE):
        outcomes = in_parallel(each_app, at_once(clockwork.take_back, 8))
        assert sum(len(each) for each in outcomes) == 1
        assert make(run_id)
        # The dead one comes back to life: it has nothing to say any more.
        assert not in_transaction(partial(making._finish, dead, work_out(GMV, None)))
        assert not make(run_id)
    (run,) = runs_of(scheduled.id)
    assert (run.status, run.attempts) == ("done", 2)
    assert len(letters(operator_of(scheduled))) == 1


def test_a_run_that_nobody_took_is_handed_over_again(scheduled: SavedReport) -> None:
    with due_at():
        (run_id,) = claim()
    with frozen(DUE + clockwork.GRACE):
        assert in_transaction(clockwork.take_back) == [run_id]
        assert in_transaction(clockwork.take_back) == []


def test_what_fails_is_tried_three_times_and_then_told(
    scheduled: SavedReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_slow(*_: object) -> None:
        raise QueryTimedOut(seconds=10)

    with monkeypatch.context() as patched:
        patched.setattr(making, "make_report", too_slow)
        moment = DUE
        with frozen(moment):
            (run_id,) = claim()
            assert not make(run_id)
        for expected in ("pending", "failed"):
            moment += timedelta(minutes=5)
            with frozen(moment):
                in_transaction(clockwork.take_back)
                assert not make(run_id)
            assert runs_of(scheduled.id)[0].status == expected
    (letter,) = letters(operator_of(scheduled))
    assert "could not be made" in letter.subject
    with frozen(DUE + DAY):
        (run_id,) = claim()
        assert make(run_id)


def test_a_worker_that_dies_each_time_is_given_up(scheduled: SavedReport) -> None:
    moment = DUE
    with frozen(moment):
        (run_id,) = claim()
    for _ in range(making.MAX_ATTEMPTS):
        with frozen(moment):
            assert in_transaction(partial(making._claim, run_id)) is not None
        moment += LEASE
        with frozen(moment):
            assert in_transaction(clockwork.take_back) == [run_id]
    with frozen(moment):
        assert not make(run_id)
    assert runs_of(scheduled.id)[0].status == "failed"


@pytest.mark.parametrize("change_owner", [{"is_active": False}, {"role_names": "customer"}])
def test_who_is_no_operator_any_more_gets_no_reports(
    scheduled: SavedReport, change_owner: dict[str, object]
) -> None:
    with transaction() as session:
        session.execute(update(User).where(User.id == scheduled.owner_id).values(**change_owner))
    with due_at():
        (run_id,) = claim()
        assert not make(run_id)
    assert letters(operator_of(scheduled)) == []
    assert runs_of(scheduled.id)[0].status == "failed"
    assert report_now(scheduled.id).next_due_at is None


def test_a_report_deleted_while_it_is_made_leaves_nothing(scheduled: SavedReport) -> None:
    owner = operator_of(scheduled)
    with due_at():
        (run_id,) = claim()
        work = in_transaction(partial(making._claim, run_id))
        assert work is not None
        in_transaction(partial(service.delete_report, owner, scheduled.id))
        assert not in_transaction(partial(making._finish, work, work_out(GMV, None)))
        assert not make(run_id)
    assert runs_of(scheduled.id) == [] and letters(owner) == []


def test_old_runs_are_forgotten(scheduled: SavedReport) -> None:
    for number in range(1, KEPT_RUNS + 5):
        save_row(ReportRun(report_id=scheduled.id, due_at=DUE - number * DAY, status="done", lease_until=DUE))
    with due_at():
        (run_id,) = claim()
        make(run_id)
    runs = runs_of(scheduled.id)
    assert len(runs) == KEPT_RUNS and runs[-1].id == run_id


@pytest.mark.usefixtures("redis_url")
def test_the_sweep_hands_runs_to_the_slow_queue(scheduled: SavedReport) -> None:
    with due_at():
        sweep()
        sweep()
    jobs = Queue("slow", connection=redis_bytes()).jobs
    assert [job.args for job in jobs] == [(runs_of(scheduled.id)[0].id,)]


# ---- on a shop with orders ----


def made_on(report: SavedReport, days: int) -> ReportRun:
    """The run of the due time so many days on."""
    with frozen(DUE + days * DAY):
        (run_id,) = [run for run in claim() if db.session.get_one(ReportRun, run).report_id == report.id]
        db.session.rollback()
        assert make(run_id)
    return next(run for run in runs_of(report.id) if run.id == run_id)


def test_a_due_report_has_fresh_dates_and_tells_its_owner(demo_shop: Flask) -> None:  # noqa: F811
    owner = operator("fresh")
    report = save(owner, Question(metrics=("orders",), dimensions=("store",)), "By store")
    change(owner, report, name="By store")
    run = made_on(report, 0)
    assert (run.status, run.row_count) == ("done", 10)
    made_on(report, 1)
    first, second = letters(owner)
    assert first.subject == "Your report “By store” is ready"
    assert "2026-11-16 to 2026-11-22" in first.body
    assert "2026-11-17 to 2026-11-23" in second.body
    assert first.link == f"/ops/reports/{report.id}"
    change(owner, report, schedule=None)


def test_an_alert_looks_at_the_whole_figure_of_the_reports_filters(demo_shop: Flask) -> None:  # noqa: F811
    question = Question(
        metrics=("orders", "gmv"),
        dimensions=("day",),
        filters=(Filter(dimension="channel", values=("online",)),),
    )
    expected = report_of("GMV online for the last 7 days").rows[0][0]
    outcome = work_out(question, Alert("gmv", "lt", Decimal(1)))
    assert isinstance(expected, int | float)
    assert outcome.figure == Decimal(str(expected))
    assert outcome.row_count == 7 and outcome.span.end == TODAY
    assert work_out(question, None).figure is None


def test_an_alert_fires_when_it_crosses_and_again_after_it_was_back(demo_shop: Flask) -> None:  # noqa: F811
    owner = operator("watcher")
    # GMV of "today": there are no orders after the demo's last day, so it falls from plenty to nothing.
    report = save(owner, Question(metrics=("gmv",), period=rolling(1)), "Today")
    for_ever = Schedule("daily", DAILY.at_minute)
    low = Alert("gmv", "lt", Decimal(100))

    def alerts() -> int:
        return len(letters(owner, "report.alert"))

    with frozen(DUE - 2 * DAY + timedelta(minutes=1)):
        change(owner, report, name="Today", schedule=for_ever, alert=low)
    assert not made_on(report, -1).alerted and alerts() == 0
    assert made_on(report, 1).alerted and alerts() == 1
    assert not made_on(report, 2).alerted and alerts() == 1
    # Back to a day with sales, and down again.
    with frozen(DUE - 2 * DAY + timedelta(minutes=1)), transaction() as session:
        session.execute(
            update(SavedReport).where(SavedReport.id == report.id).values(next_due_at=DUE - 3 * DAY)
        )
    assert not made_on(report, -3).alerted
    assert not report_now(report.id).alert_is_on
    assert made_on(report, 3).alerted and alerts() == 2
    (letter, _) = letters(owner, "report.alert")
    assert letter.subject == "Alert: GMV in your report “Today”"
    assert "GMV is ¥0.00, below ¥100.00." in letter.body
    change(owner, report, schedule=None)


def test_an_alert_that_was_changed_meanwhile_does_not_fire(demo_shop: Flask) -> None:  # noqa: F811
    owner = operator("changer")
    report = save(owner)
    with frozen(DUE - timedelta(hours=1)):
        change(owner, report, alert=Alert("gmv", "gt", Decimal(1)))
    with due_at():
        (run_id,) = [run for run in claim() if db.session.get_one(ReportRun, run).report_id == report.id]
        db.session.rollback()
        work = in_transaction(partial(making._claim, run_id))
        assert work is not None
        outcome = work_out(work.question, work.alert)
        change(owner, report, alert=Alert("gmv", "gt", Decimal(10) ** 11))
        assert in_transaction(partial(making._finish, work, outcome))
    assert letters(owner, "report.alert") == []
    assert not report_now(report.id).alert_is_on
    change(owner, report, schedule=None)
