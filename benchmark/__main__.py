"""`scripts/benchmark`: measures, prints a table, writes JSON."""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmark.images import SHARED, photographs, served
from benchmark.memory import watching
from benchmark.pictures import measure as measure_pictures
from benchmark.video import measure_video
from pipeline.instance.programs import MALLOC
from tests.instances import Customer, Instance, running
from tests.receivers import Receiver, receiving

CORES = len(os.sched_getaffinity(0))
ACCOUNTS = 20


def bare(job: dict[str, Any]) -> dict[str, float]:
    """One bare loop, in a process of its own with the malloc settings that runs get."""
    environment = {**os.environ, **MALLOC}
    command = [sys.executable, "-m", "benchmark.bare"]
    answer = subprocess.run(
        command, input=json.dumps(job).encode(), env=environment, check=True, stdout=subprocess.PIPE
    )
    return dict(json.loads(answer.stdout))


def webhook(receiver: Receiver) -> dict[str, str]:
    return {"url": receiver.url, "secret": "benchmark"}


class Told:
    """When each batch's webhook came."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.at: dict[str, float] = {}
        receiver.answer = self._note

    def _note(self, number: int) -> tuple[int, dict[str, str]]:
        job = json.loads(self.receiver.received[number].body)["id"]
        with self.receiver.changed:
            self.at.setdefault(job, time.perf_counter())
            self.receiver.changed.notify_all()
        return 204, {}

    def wait(self, jobs: list[str], timeout_s: float) -> None:
        with self.receiver.changed:
            if not self.receiver.changed.wait_for(lambda: all(job in self.at for job in jobs), timeout=timeout_s):
                raise TimeoutError(f"{sum(job not in self.at for job in jobs)} webhooks are missing")


def one_batch(instance: Instance, customer: Customer, told: Told, base: str, images: int) -> dict[str, Any]:
    """A batch of so many images, from just before its POST to its webhook."""
    started_at = time.perf_counter()
    with watching(instance.process.pid) as peaks:
        job = customer.submit([f"{base}/{number}.jpg" for number in range(images)], webhook=webhook(told.receiver))
        told.wait([job], timeout_s=1800)
    batch = customer.batch(job)
    return {
        "images": images,
        "wall_s": round(told.at[job] - started_at, 2),
        "percentage": batch["percentage"],
        "failed": batch["counts"]["failed"],
        "peak_runs_mb": round(peaks.runs_mb),
        "peak_all_mb": round(peaks.all_mb),
    }


def single_images(customer: Customer, told: Told, base: str, jobs: int) -> dict[str, Any]:
    """Seconds from the 201 to the webhook of 1-image batches, one after the other."""
    seconds = []
    for number in range(jobs):
        job = customer.submit([f"{base}/{number}.jpg"], webhook=webhook(told.receiver))
        accepted_at = time.perf_counter()
        told.wait([job], timeout_s=120)
        seconds.append(told.at[job] - accepted_at)
    ordered = sorted(seconds)
    return {
        "jobs": jobs,
        "p50_s": round(statistics.median(ordered), 2),
        "p95_s": round(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], 2),
        "max_s": round(ordered[-1], 2),
    }


def many_jobs(customers: list[Customer], told: Told, base: str, jobs: int) -> dict[str, Any]:
    """Seconds until the last webhook when so many 1-image batches of several accounts are queued at once."""
    started_at = time.perf_counter()

    def submit(number: int) -> str:
        customer = customers[number % len(customers)]
        return customer.submit([f"{base}/{number}.jpg"], webhook=webhook(told.receiver))

    with ThreadPoolExecutor(8) as pool:
        submitted = list(pool.map(submit, range(jobs)))
    accepted_s = time.perf_counter() - started_at
    told.wait(submitted, timeout_s=900)
    return {
        "jobs": jobs,
        "accounts": len(customers),
        "accepted_s": round(accepted_s, 2),
        "wall_s": round(max(told.at[job] for job in submitted) - started_at, 2),
    }


def measure(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    results: dict[str, Any] = {"machine": machine()}
    paths = photographs(folder)
    results["photographs"] = [path.name for path in paths]
    results["decode_encode"] = bare({"paths": [str(path) for path in paths]})
    models = os.environ.get("DARKROOM_MODELS") if arguments.with_models else None
    with served(paths) as base, receiving() as receiver:
        ports = [int(base.rpartition(":")[2]), receiver.port]
        with running(folder, allow=ports, environment={"DARKROOM_MODELS": models or ""}) as instance:
            customer, told = instance.customer("benchmark"), Told(receiver)
            one_batch(instance, customer, told, base, 8)
            results["single"] = said("single", single_images(customer, told, base, arguments.singles))
            if arguments.jobs:
                customers = [instance.customer(f"customer-{number}") for number in range(ACCOUNTS)]
                results["many"] = said("many", many_jobs(customers, told, base, arguments.jobs))
            for images in arguments.images:
                batch = one_batch(instance, customer, told, base, images)
                results[f"system_{images}"] = said(f"system_{images}", batch)
        for images in arguments.images:
            target = folder / f"bare-{images}"
            target.mkdir()
            job = {"base": base, "images": images, "threads": CORES, "folder": str(target), "models": models}
            results[f"bare_{images}"] = said(f"bare_{images}", bare(job))
            results[f"ratio_{images}"] = round(
                results[f"system_{images}"]["wall_s"] / results[f"bare_{images}"]["wall_s"], 3
            )
    return results


def chosen(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """What the arguments ask for: the line unless they name something else."""
    if arguments.video:
        return measure_video(folder)
    if arguments.pictures:
        return dict(measure_pictures(SHARED, Path(os.environ.get("DARKROOM_MODELS") or SHARED / "models")))
    return measure(arguments, folder)


def said(name: str, figures: dict[str, Any]) -> dict[str, Any]:
    """The figures, shown as soon as they are there: a whole run takes ten minutes."""
    print(f"{name}: {figures}", file=sys.stderr, flush=True)
    return figures


def machine() -> dict[str, Any]:
    return {
        "cores": CORES,
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "platform": platform.platform(),
        "python": platform.python_version(),
    }


def show(results: dict[str, Any]) -> None:
    """The figures as a table of name and value."""
    for name, value in results.items():
        if isinstance(value, dict):
            print(f"{name:<16} " + "  ".join(f"{key}={figure}" for key, figure in value.items()))
        else:
            print(f"{name:<16} {value}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/benchmark", description=__doc__)
    parser.add_argument("--images", type=int, nargs="*", default=[400, 800], help="batch sizes to measure")
    parser.add_argument("--singles", type=int, default=30, help="1-image batches, one after the other")
    parser.add_argument("--jobs", type=int, default=400, help="1-image batches queued at once by 20 accounts; 0: none")
    parser.add_argument("--with-models", action="store_true", help="use the models of DARKROOM_MODELS")
    parser.add_argument("--video", action="store_true", help="measure decoding, shots and activity of videos instead")
    parser.add_argument(
        "--pictures", action="store_true", help="measure analysis of pictures beside its models instead"
    )
    parser.add_argument("--json", type=Path, default=Path("benchmark-output/results.json"), help="where to write")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="darkroom-benchmark-") as folder:
        results = chosen(arguments, Path(folder))
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(results, indent=2))
    show(results)
    print(f"\nWritten to {arguments.json}")


if __name__ == "__main__":
    main()
