"""An RQ worker inside the payments process: a job wakes it, the process's own event loop and pools do the work.

A database pool belongs to one event loop, so a worker that forked or ran a loop per job would connect anew for each.
RQ's registries are never read as a record: a job that is lost is enqueued again when its rows' lease lapses.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any

import redis
import rq.timeouts
import structlog
from redis import Redis
from rq import Queue, SimpleWorker
from rq.exceptions import DuplicateJobError, StopRequested

QUEUE_NAME = "payments"
JOB_TIMEOUT_S = 60
"""RQ gives a job up after this. A batch stops taking rows long before (see `carry_out.py`)."""
_DEQUEUE_TIMEOUT_S = 1
_MAINTENANCE_INTERVAL_S = 60
_LONGEST_BACK_OFF_S = 5.0

CarryOutBatch = Callable[[list[str]], Coroutine[Any, Any, None]]

_log = structlog.get_logger(__name__)


class _WorkerThread(threading.local):
    """What the jobs of one worker thread reach: RQ hands a job nothing but its arguments."""

    event_loop: asyncio.AbstractEventLoop
    carry_out_batch: CarryOutBatch


_worker_thread = _WorkerThread()


def carry_out_batch(instruction_ids: list[str]) -> None:
    """The RQ job: have the event loop carry out these payment instructions, and wait for it."""
    outcome: Future[None] = asyncio.run_coroutine_threadsafe(
        _worker_thread.carry_out_batch(instruction_ids), _worker_thread.event_loop
    )
    outcome.result(timeout=JOB_TIMEOUT_S)


def payments_queue(connection: Redis) -> Queue:
    """The queue that relay and worker share. JSON, because a pickle from a shared server could run anything."""
    return Queue(QUEUE_NAME, connection=connection, serializer="json", default_timeout=JOB_TIMEOUT_S)


def enqueue_batch(queue: Queue, job_id: str, instruction_ids: list[str]) -> bool:
    """Wake a worker for these instructions; False when a job of this id is waiting or running already."""
    try:
        queue.enqueue_call(
            carry_out_batch,
            args=(instruction_ids,),
            timeout=JOB_TIMEOUT_S,
            result_ttl=0,
            failure_ttl=JOB_TIMEOUT_S,
            ttl=JOB_TIMEOUT_S,
            job_id=job_id,
            unique=True,
        )
    except DuplicateJobError:
        return False
    return True


class _WorkerWithoutSignals(SimpleWorker):
    """A worker that lives in a thread of its own: no signal handler, no orders over pub/sub, stopped by its owner."""

    death_penalty_class = rq.timeouts.TimerDeathPenalty

    def __init__(self, queue: Queue, stop_asked: threading.Event) -> None:
        super().__init__(
            [queue],
            connection=queue.connection,
            serializer="json",
            maintenance_interval=_MAINTENANCE_INTERVAL_S,
            log_job_description=False,
        )
        self._stop_asked = stop_asked

    @property
    def dequeue_timeout(self) -> int:
        return _DEQUEUE_TIMEOUT_S

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        # The one call that RQ makes in every round of its waiting, so the one place to leave it from.
        if self._stop_asked.is_set() and pipeline is None:
            raise StopRequested
        super().heartbeat(timeout, pipeline)

    def _install_signal_handlers(self) -> None:
        """Signals belong to the main thread and to whoever runs the process."""

    def subscribe(self) -> None:
        """RQ's remote commands would send this whole process a signal."""


class PaymentsWorker:
    """Runs RQ jobs for as long as `run` is awaited; the jobs' work happens on the event loop that awaits it."""

    def __init__(self, jobs_redis_url: str, carry_out_batch: CarryOutBatch) -> None:
        self._jobs_redis_url = jobs_redis_url
        self._carry_out_batch = carry_out_batch
        self._stop_asked = threading.Event()
        self._waiting_client_id: int | None = None

    async def run(self) -> None:
        """Until cancelled; then the batch in hand is finished first. A lost Redis is waited for."""
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        threading.Thread(
            target=self._work, args=(asyncio.get_running_loop(), ended), name="rq-worker", daemon=True
        ).start()
        try:
            await asyncio.shield(ended)
        except asyncio.CancelledError:
            self._stop_asked.set()
            await asyncio.to_thread(self._end_waiting)
            await ended
            raise

    def _end_waiting(self) -> None:
        """Spare the stop the rest of the second for which the worker waits for a job."""
        if self._waiting_client_id is not None:
            with contextlib.suppress(redis.RedisError), Redis.from_url(self._jobs_redis_url) as another:
                another.client_unblock(self._waiting_client_id)

    def _work(self, event_loop: asyncio.AbstractEventLoop, ended: asyncio.Future[None]) -> None:
        _worker_thread.event_loop = event_loop
        _worker_thread.carry_out_batch = self._carry_out_batch
        try:
            self._work_until_stopped()
        except BaseException as failure:
            event_loop.call_soon_threadsafe(ended.set_exception, failure)
        else:
            event_loop.call_soon_threadsafe(ended.set_result, None)

    def _work_until_stopped(self) -> None:
        back_off_s = 0.1
        while not self._stop_asked.is_set():
            connection = Redis.from_url(self._jobs_redis_url)
            try:
                self._waiting_client_id = connection.client_id()
                # RQ ends its loop on any error of the connection; a new worker then takes its place.
                worked = _WorkerWithoutSignals(payments_queue(connection), self._stop_asked).work(
                    logging_level=logging.getLevelName(logging.WARNING)
                )
                back_off_s = 0.1 if worked else back_off_s
            except redis.RedisError as lost:
                _log.warning("payments_worker_lost_redis", cause=str(lost), retry_s=back_off_s)
            except StopRequested:
                pass  # raised while registering or leaving: the loop condition ends the work
            finally:
                connection.close()
            if not self._stop_asked.wait(back_off_s):
                back_off_s = min(back_off_s * 2, _LONGEST_BACK_OFF_S)
