"""HLS: a copied segment nobody asked for, and the first converted one, beside bare ffmpeg."""

from __future__ import annotations

import random
import statistics
import subprocess
import time
import urllib.request
from pathlib import Path

import imageio_ffmpeg

from benchmarks.report import Row
from benchmarks.servers import gateway

_MSE = ['video/mp4; codecs="avc1.640029"', 'audio/mp4; codecs="mp4a.40.2"']
_SCREEN = {"screen": {"mse": _MSE, "native": [], "width": 1280, "height": 720}}


def fetch_ms(url: str) -> float:
    """Time of a whole GET."""
    began = time.perf_counter()
    with urllib.request.urlopen(url, timeout=120) as reply:
        reply.read()
    return (time.perf_counter() - began) * 1000


def run_ms(*words: str) -> float:
    """Time of an ffmpeg to its end."""
    began = time.perf_counter()
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", *words],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return (time.perf_counter() - began) * 1000


def measure(folder: Path, *, rounds: int) -> list[Row]:
    """Copying and converting one 1080p film."""
    films = folder / "films"
    films.mkdir()
    film = films / "Film (2020).mkv"
    run_ms(
        "-f", "lavfi", "-i", "testsrc2=s=1920x1080:r=24:d=120", "-f", "lavfi", "-i",
        "sine=f=300:r=48000:d=120", "-c:v", "libx264", "-preset", "ultrafast", "-b:v", "8M",
        "-pix_fmt", "yuv420p", "-g", "48", "-c:a", "aac", "-ac", "2", str(film),
    )  # fmt: skip
    with gateway(folder / "ours", str(films), "--no-dlna") as ours:
        ours.wait_items(1)
        while not (item := ours.ask("/api/v1/items")["items"][0]).get("duration_s"):
            time.sleep(0.2)
        plan = ours.ask(f"/api/v1/items/{item['id']}/plan", _SCREEN)
        if plan["mode"] != "remux":
            raise RuntimeError(plan["sentence"])
        starts = plan["segments"]
        media = ours.base + item["media"]
        fetch_ms(ours.base + plan["segment_template"].replace("$N", "0"))
        numbers = random.Random(3).sample(range(1, len(starts) - 1), min(rounds, len(starts) - 2))
        mine, bare = [], []
        for number in numbers:
            address = ours.base + plan["segment_template"].replace("$N", str(number))
            mine.append(fetch_ms(address))
            length = starts[number + 1] - starts[number]
            bare.append(run_ms(
                "-ss", str(starts[number]), "-i", media, "-t", str(length), "-c", "copy",
                "-f", "mp4", "-movflags", "frag_keyframe+empty_moov", "-y", "/dev/null",
            ))  # fmt: skip
        copied = {
            "vaultcast": statistics.quantiles(mine, n=20)[-1],
            "ffmpeg": statistics.quantiles(bare, n=20)[-1],
        }
        rows = [Row.compare("HLS remux, a segment never asked before, p95 ms", copied, "ffmpeg",
                            bar=0.5, is_most=True)]  # fmt: skip

        changed = ours.ask(f"/api/v1/items/{item['id']}/plan", {**_SCREEN, "at_least": "convert"})
        template = ours.base + changed["segment_template"]
        fetch_ms(ours.base + changed["init"])
        mine, bare = [], []
        for turn in range(max(5, rounds // 4)):
            number = 5 + turn * 7 % (len(changed["segments"]) - 8)
            start = str(changed["segments"][number])
            mine.append(fetch_ms(template.replace("$N", str(number))))
            ours.ask("/api/v1/sessions/stop", {})
            time.sleep(1.5)
            bare.append(run_ms(
                "-ss", start, "-i", media, "-t", "2", "-vf", "scale=1280:720", "-c:v", "libx264",
                "-preset", "veryfast", "-bf", "0", "-c:a", "aac", "-b:a", "160k", "-ac", "2",
                "-f", "mp4", "-movflags", "frag_keyframe+empty_moov", "-y", "/dev/null",
            ))  # fmt: skip
        converted = {"vaultcast": statistics.median(mine), "ffmpeg": statistics.median(bare)}
        rows.append(Row.compare("HLS convert 1080p → 720p, first 2 s segment, p50 ms", converted,
                                "ffmpeg", bar=1.3, is_most=True))  # fmt: skip
    return rows
