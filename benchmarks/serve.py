"""How many clips a second does `medusa serve` predict, compared with one prediction after another?

    python benchmarks/serve.py WORKSPACE/runs/s AUDIO_FOLDER --json benchmarks/results/serve.json

Two ways predict the same clips in turn, in one process with one model. `one_by_one` calls
`Model.predict` for each file. `served` posts all of them to a server on this machine, with as
many parallel requests as the server predicts in a batch; its times contain HTTP. The ratio is the
throughput of `served` divided by that of `one_by_one`, in the same round.
"""

import argparse
import json
import os
import socket
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2
import uvicorn

import medusa
from medusa.heads.runs.environment import environment
from medusa.inference.serve.app import build_app


@contextmanager
def served(model: medusa.Model, parallel: int):
    """Serve the model on a free port, and give its address when it is ready."""
    options = medusa.ServerOptions(port=0, batch=parallel, max_waiting=2 * parallel)
    config = uvicorn.Config(build_app(model, options), log_level="warning", access_log=False)
    bound = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{bound.getsockname()[1]}"
    while not _is_ready(address):
        time.sleep(0.2)
    yield address
    server.should_exit = True
    thread.join()


def _is_ready(address: str) -> bool:
    try:
        return httpx2.get(f"{address}/readyz").status_code == 200
    except httpx2.TransportError:
        return False


def seconds_one_by_one(model: medusa.Model, clips: list[Path]) -> float:
    """Return the seconds of one prediction after another."""
    start = time.perf_counter()
    for clip in clips:
        model.predict(clip)
    return time.perf_counter() - start


def seconds_served(address: str, clips: list[Path], parallel: int) -> float:
    """Return the seconds of parallel requests."""
    with httpx2.Client(timeout=600) as client, ThreadPoolExecutor(parallel) as pool:

        def post(clip: Path) -> None:
            files = {"file": ("clip", clip.read_bytes())}
            client.post(f"{address}/v1/predict", files=files).raise_for_status()

        start = time.perf_counter()
        list(pool.map(post, clips))
        return time.perf_counter() - start


def main() -> None:
    """Compare in turn, print, and write the figures with the environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("audio", type=Path)
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--parallel", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    clips = sorted(options.audio.rglob("*.wav"))[: options.clips]
    model = medusa.load(options.model)
    rounds = []
    with served(model, options.parallel) as address:
        seconds_served(address, clips[:8], options.parallel)  # Everything is loaded.
        for number in range(options.rounds):
            pair = {}
            ways = ["one_by_one", "served"]
            for way in ways if number % 2 else reversed(ways):
                if way == "served":
                    pair[way] = seconds_served(address, clips, options.parallel)
                else:
                    pair[way] = seconds_one_by_one(model, clips)
            rounds.append({f"{way}_clips_per_s": len(clips) / pair[way] for way in ways})
            rounds[-1]["ratio"] = pair["one_by_one"] / pair["served"]
            print(rounds[-1], flush=True)
    found = {
        "environment": environment(),
        "load": os.getloadavg()[0],
        "clips": len(clips),
        "parallel": options.parallel,
        "ratio": statistics.median(one["ratio"] for one in rounds),
        "rounds": rounds,
    }
    print(f"served / one by one: {found['ratio']:.2f}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
