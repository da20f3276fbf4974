"""Worker processes on this machine: forked from one that has loaded everything, so that none of them loads it again.

Beam's own workers each start Python anew: five CPU-seconds for Beam, our modules, machine code, models and tokenizer.
Beam takes ours as an environment of its Fn API, whose worker handler says a word to a process that waits for it.
"""

import json
import logging
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import warnings
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Final

from apache_beam import Pipeline
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.portability.fn_api_runner.fn_runner import ExtendedProvisionInfo, FnApiRunner, RunnerResult
from apache_beam.runners.portability.fn_api_runner.worker_handlers import (
    GrpcServer,
    GrpcWorkerHandler,
    StateServicer,
    WorkerHandler,
)
from apache_beam.runners.worker.sdk_worker_main import create_harness
from apache_beam.transforms.environments import Environment

import pipelines.graph  # noqa: F401  (what workers run, loaded before they are forked)
from mixes.errors import MixError
from mixes.spec.mix import MixSpec
from mixes.spec.rule_items import ModelMeasure, PythonMeasures
from pipelines.garbage import spare_what_is_loaded

_URN: Final = "gristmill:environment:worker_process:v1"
_STDERR: Final = 2
_LAST_WORDS: Final = 500  # characters of what a process said before it died
_ANSWER_SECONDS: Final = 0.2  # between looks at what Beam still asks of a process that died


def start_method(spec: MixSpec) -> str:
    """Return how worker processes of a build begin: `fork`, or `spawn` where a fork would not do.

    That is where a library may have threads or a GPU, which a fork does not take along: models that torch runs, and
    measures of the user's own; where this process has threads of Python; and beyond Linux.
    """
    has_foreign_code = any(isinstance(item, ModelMeasure | PythonMeasures) for item in spec.measures)
    is_alone = threading.active_count() == 1
    return "fork" if sys.platform == "linux" and is_alone and not has_foreign_code else "spawn"


class WorkerProcesses(FnApiRunner):
    """Beam's local runner, whose workers are processes that wait for it from the moment it is made.

    They end with this process, however it ends. What they write to standard error, the trace of every error, is kept
    from the terminal: errors come back to this process as exceptions.
    """

    def __init__(self, number: int, options: PipelineOptions, method: str) -> None:
        """Start processes that will be told the given options of Beam, by one of the methods of `start_method`."""
        super().__init__(default_environment=_InWorkerProcess())
        os.environ["TOKENIZERS_PARALLELISM"] = "false"  # its threads do not outlive a fork, and each worker is one
        spare_what_is_loaded()
        self._processes = [_WorkerProcess(options, method) for _ in range(number)]

    def run_pipeline(self, pipeline: Pipeline, options: PipelineOptions) -> RunnerResult:
        """Run a pipeline to its end.

        Raises:
            MixError: A worker process died.
        """
        waiting = iter(self._processes)
        WorkerHandler.register_environment(_URN, bytes)(
            lambda _, state, provision_info, server: _Handler(next(waiting), state, provision_info, server)
        )
        try:
            return super().run_pipeline(pipeline, options)
        except RuntimeError as error:
            deaths = [death for each in self._processes if (death := each.death())]
            if not deaths:
                raise
            raise MixError(f"{'; '.join(deaths)}; the same command goes on where this one was") from error


class _WorkerProcess:
    """A process, the pipe through which it is told whose worker it is, and the file that gets its standard error."""

    def __init__(self, options: PipelineOptions, method: str) -> None:
        context = multiprocessing.get_context(method)
        receiver, self._sender = context.Pipe(duplex=False)
        descriptor, log = tempfile.mkstemp(prefix="gristmill-worker-")
        self._log = open(descriptor, "rb")  # noqa: SIM115  (read when the process has died)
        told = json.dumps({"options": options.get_all_options(drop_default=True)})
        self._process: BaseProcess = context.Process(  # type: ignore[attr-defined]  # each context has one of its own
            target=_work, args=(receiver, self._sender, log, told), daemon=True
        )
        with warnings.catch_warnings():
            # Python 3.12 warns of a fork beside threads; those of numpy, Arrow and tokenizers are made for one.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._process.start()
        receiver.close()

    def begin(self, worker: str, control: str) -> None:
        """Say whose worker the process is, and where Beam tells it what to do."""
        self._sender.send((worker, control))

    def join(self) -> None:
        """Wait for the end of the process."""
        self._process.join()

    def death(self) -> str:
        """Return how the process died; empty while it lives, or when it ended well."""
        code = self._process.exitcode
        if not code:
            return ""
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        why = ", as happens where memory runs out" if code == -signal.SIGKILL else ""
        self._log.seek(0)
        words = " ".join(self._log.read().decode("utf-8", "replace").split())[-_LAST_WORDS:]
        return f"worker process {self._process.pid} {how}{why}{f', its last words: {words}' if words else ''}"


def _work(receiver: Connection, sender: Connection, log: str, told: str) -> None:
    """Wait to be told whose worker this process is, and be that to its end."""
    sender.close()  # or the end of the other process would go unseen
    with open(log, "wb") as stream:
        os.dup2(stream.fileno(), _STDERR)
    os.remove(log)
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)  # what goes wrong is told where Beam runs
    try:
        worker, control = receiver.recv()
    except EOFError:
        return
    environment = {"CONTROL_API_SERVICE_DESCRIPTOR": f'url: "{control}"', "PIPELINE_OPTIONS": told, "WORKER_ID": worker}
    try:
        _, harness, _ = create_harness(environment)
        harness.run()
    except BaseException:  # the other process is gone, or this one is interrupted: nobody waits for what it does
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
        os._exit(1)


class _Handler(GrpcWorkerHandler):
    """What Beam's runner knows of a worker process."""

    def __init__(
        self, process: _WorkerProcess, state: StateServicer, provision_info: ExtendedProvisionInfo, server: GrpcServer
    ) -> None:
        super().__init__(state, provision_info, server)
        self._process = process
        self._is_over = threading.Event()
        self._watch = threading.Thread(target=self._answer_for_the_dead, name="watch_worker", daemon=True)

    def start_worker(self) -> None:
        """Tell the process whose worker it is."""
        self._process.begin(self.worker_id, self.control_address)
        self._watch.start()

    def close(self) -> None:
        """Let the process end."""
        self._is_over.set()
        super().close()

    def stop_worker(self) -> None:
        """Wait for the end of the process."""
        self._watch.join()

    def _answer_for_the_dead(self) -> None:
        """Let everything fail that Beam asks of a process that died: it would wait for ever."""
        self._process.join()
        while self._process.death() and not self._is_over.wait(_ANSWER_SECONDS):
            asked = self.control_conn._futures_by_id
            for name in list(asked):
                asked.pop(name).set(beam_fn_api_pb2.InstructionResponse(instruction_id=name, error="died"))


class _InWorkerProcess(Environment):
    """Where the functions of a pipeline run: in processes that wait for them."""

    def to_runner_api_parameter(self, _context: object) -> tuple[str, bytes]:
        """Return the name by which the handler is registered, and nothing that it would need beside."""
        return _URN, b""
