"""Run the llama.cpp server in this process until a signal comes: `python -m tools.up.model_server --weights F ...`."""

import argparse
import signal
from pathlib import Path

import xllamacpp

from tools.up.ports import LOOPBACK


def main() -> None:
    """Serve one model on the loopback interface; SIGTERM ends the process, the server holds no state."""
    options = _parse()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    server = xllamacpp.Server(_parameters(options))
    while server:
        signal.pause()


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--alias", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--api-key-file", type=Path, required=True)
    parser.add_argument("--context-tokens", type=int, required=True)
    parser.add_argument("--slots", type=int, required=True)
    parser.add_argument("--prompt-threads", type=int, required=True)
    parser.add_argument("--answer-threads", type=int, required=True)
    return parser.parse_args()


def _parameters(options: argparse.Namespace) -> xllamacpp.CommonParams:
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(options.weights)
    parameters.model_alias = {options.alias}
    parameters.hostnames = [LOOPBACK]
    parameters.port = options.port
    parameters.api_keys = [options.api_key_file.read_text().strip()]
    parameters.n_ctx = options.context_tokens
    parameters.n_parallel = options.slots
    parameters.cpuparams.n_threads = options.answer_threads
    parameters.cpuparams_batch.n_threads = options.prompt_threads
    for threads in (parameters.cpuparams, parameters.cpuparams_batch):
        # A thread that waits for its neighbour by spinning takes the core that the neighbour needs.
        threads.poll = 0
    parameters.endpoint_metrics = True
    parameters.ui = False
    return parameters


if __name__ == "__main__":
    main()
