"""The API of the server: predictions, statuses, limits, request ids."""

import asyncio
import io
import os
import random
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import numpy as np
import pytest
import soundfile
from starlette.exceptions import HTTPException
from starlette.testclient import TestClient

import medusa
from medusa.errors import CheckpointError, ConfigError
from medusa.inference.serve import guard
from medusa.inference.serve.app import build_app
from medusa.inference.serve.server_options import ServerOptions
from medusa.inference.serve.upload import FORMATS
from medusa.manifests import ffmpeg
from medusa.tests.command_line import invoke
from medusa.tests.counts import count

LIMITS = ServerOptions(max_bytes=2_000_000, max_seconds=20.0)
ROUTE = "/v1/predict"
MALFORMED = count("MEDUSA_MALFORMED", 24, 500)
# The filters of warnings belong to the process, and the threads of the client change them.
pytestmark = pytest.mark.filterwarnings("ignore:Support for mismatched key_padding_mask")


def ready(client: TestClient) -> TestClient:
    """Wait until the model is in memory."""
    for _ in range(600):
        if client.get("/readyz").status_code == 200:
            return client
        time.sleep(0.1)
    raise AssertionError(client.get("/readyz").json())


def client_of(model: medusa.Model, options: ServerOptions = LIMITS) -> TestClient:
    return TestClient(build_app(model, options), base_url="http://localhost")


@pytest.fixture(scope="module")
def model(trained: Path) -> medusa.Model:
    return medusa.load(trained / "runs" / "s")


@pytest.fixture(scope="module")
def client(model):
    with client_of(model) as found:
        yield ready(found)


def wav(samples: np.ndarray, rate: int = 16_000, **options: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", **options)
    return file.getvalue()


def noise(seconds: float) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, round(seconds * 16_000)).astype(np.float32)


def post(client: TestClient, data: bytes, headers: dict[str, str] | None = None, **form: object):
    return client.post(ROUTE, files={"file": ("clip", data)}, data=form, headers=headers)


def refusal(response, status: int) -> dict[str, str]:
    """Return the error of a response, whose body must have the one form."""
    assert response.status_code == status, response.text
    body = response.json()
    assert list(body) == ["error"]
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert body["error"]["message"] and response.headers["x-request-id"]
    return body["error"]


def test_an_upload_is_predicted_as_its_file(client, model, clips):
    frame = model.predict(clips[:3])
    for clip, expected in zip(clips[:3], frame.to_dict("records"), strict=True):
        body = post(client, clip.read_bytes()).json()
        (found,) = body["utterances"]
        assert body["model"] == "s" and body["problems"] == []
        assert found["label"] == expected["label"]
        wanted = {name: expected[f"p_{name}"] for name in model.classes}
        assert found["posteriors"] == pytest.approx(wanted, abs=1e-5)
        assert found["transcript"] == expected["transcript"]
        names = ("arousal", "valence", "dominance")
        rated = {name: expected[name] for name in names}
        if np.isnan(expected["arousal"]):
            assert found["attributes"] is None
        else:
            assert found["attributes"] == pytest.approx(rated, abs=1e-5)


def test_choices_are_those_of_the_command(client, model, clips):
    data = clips[0].read_bytes()
    (found,) = post(client, data, classes="sad,happy", threshold=1.0).json()["utterances"]
    assert list(found["posteriors"]) == ["sad", "happy"] and found["label"] == "unsure"
    rows = post(client, wav(noise(3)), window_s=1.0, hop_s=0.5).json()["utterances"]
    assert [row["start"] for row in rows] == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
    for form, part in [
        ({"classes": "sad,hapy"}, "did you mean 'happy'"),
        ({"threshold": 2}, "threshold"),
        ({"hop_s": 1}, "hop_s belongs to window_s"),
        ({"window_s": 1, "vad": True}, "vad and window_s exclude"),
        ({"window_s": 0.01, "hop_s": 0.0001}, "at most 1000 hops"),
        ({"window": 1}, "window"),
    ]:
        assert part in refusal(post(client, data, **form), 400)["message"], form


def test_sound_that_ffmpeg_reads_is_decoded(client, tmp_path):
    (tmp_path / "x.wav").write_bytes(wav(noise(2)))
    for name in ("x.m4a", "x.webm", "x.aac", "x.wma"):
        words = [ffmpeg.program(), "-v", "error", "-i", tmp_path / "x.wav", tmp_path / name]
        subprocess.run(words, check=True)
        data = (tmp_path / name).read_bytes()
        assert any(fits(data[:16]) for fits in FORMATS.values())
        assert post(client, data).json()["seconds"] == pytest.approx(2, abs=0.2), name
    words = [ffmpeg.program(), "-v", "error", "-stream_loop", "20", "-i", tmp_path / "x.webm"]
    subprocess.run([*words, "-c", "copy", tmp_path / "long.webm"], check=True)
    assert (
        "at most 20 s"
        in refusal(post(client, (tmp_path / "long.webm").read_bytes()), 413)["message"]
    )


def test_limits_of_bytes_and_seconds(client):
    assert refusal(post(client, bytes(2_100_000)), 413)["code"] == "too_large"
    assert "at most 20 s" in refusal(post(client, wav(noise(21), subtype="PCM_U8")), 413)["message"]
    parts = iter([bytes(65_536)] * 40)  # Without a length, the bytes are counted.
    head = {"content-type": "multipart/form-data; boundary=x"}
    assert refusal(client.post(ROUTE, content=parts, headers=head), 413)["code"] == "too_large"


def test_request_ids_are_kept_or_made(client):
    data = wav(noise(0.5))
    response = post(client, data, headers={"x-request-id": "mine-1"})
    assert response.headers["x-request-id"] == response.json()["id"] == "mine-1"
    names = {post(client, data).headers["x-request-id"] for _ in range(3)}
    assert len(names) == 3 and all(re.fullmatch("[0-9a-f]{32}", name) for name in names)
    odd = client.get("/healthz", headers={"x-request-id": "a b\\n"})
    assert re.fullmatch("[0-9a-f]{32}", odd.headers["x-request-id"])


def test_requests_of_one_id_keep_their_own_clips(client):
    datas = [wav(noise(0.2 + number / 20)) for number in range(12)]
    datas[5] = wav(np.zeros(0, np.float32))
    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda one: post(client, one, {"x-request-id": "same"}), datas))
    refusal(found.pop(5), 422)
    seconds = [one.json()["utterances"][0]["end"] for one in found]
    assert all(len(one.json()["utterances"]) == 1 for one in found)
    assert seconds == pytest.approx([0.2 + n / 20 for n in range(12) if n != 5])


def test_a_silent_client_loses_its_turn(monkeypatch):
    monkeypatch.setattr(guard, "SILENCE_S", 0.05)

    async def nothing():
        await asyncio.sleep(10)

    with pytest.raises(HTTPException) as found:
        asyncio.run(guard.Body(nothing, 10).receive())
    assert found.value.status_code == 408


def test_other_errors_have_the_same_body(client):
    assert refusal(client.get("/nothing"), 404)["code"] == "not_found"
    assert refusal(client.get(ROUTE), 405)["type"] == "invalid_request_error"
    assert refusal(client.post(ROUTE), 400)["param"] == "file"
    assert refusal(client.post(ROUTE, data={"file": "text"}), 400)["param"] == "file"
    head = {"content-type": "multipart/form-data; boundary=x"}
    refusal(client.post(ROUTE, content=b"--y nonsense", headers=head), 400)
    assert "evil" not in refusal(client.get("/", headers={"host": "evil.test"}), 421)["message"]


def malformed(number: int, clip: bytes) -> bytes:
    """Return bytes that are no sound or a damaged recording, by the number."""
    rng = random.Random(number)
    kinds = [
        lambda: rng.randbytes(rng.randrange(0, 3000)),
        lambda: clip[: rng.randrange(0, len(clip) // 2)],
        lambda: (
            rng.choice([b"RIFF", b"fLaC", b"OggS", b"ID3\x03", b"\xff\xfb\x90", b"FORM"])
            + rng.randbytes(900)
        ),
        lambda: b"\x1a\x45\xdf\xa3" + rng.randbytes(900),
        lambda: b"\0\0\0\x18ftyp" + rng.randbytes(900),
        lambda: b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        lambda: wav(np.full(800, np.nan, np.float32), subtype="FLOAT"),
        lambda: wav(np.zeros(0, np.float32)),
    ]
    return kinds[number % len(kinds)]()


def test_malformed_uploads_are_refused(client, clips):
    clip = clips[0].read_bytes()
    for number in range(MALFORMED):
        data = malformed(number, clip)
        error = refusal(post(client, data), 422)
        assert "/tmp" not in error["message"] and "medusa-" not in error["message"], error
    assert post(client, clip).status_code == 200


@pytest.mark.skipif("MEDUSA_LONG_TESTS" not in os.environ, reason="MEDUSA_LONG_TESTS is not set")
def test_the_memory_stays_flat_over_a_thousand_requests(trained):
    """If clips of 2 s were kept, 800 of them would take 100 MB."""
    peaks = []
    with client_of(medusa.load(trained / "runs" / "b")) as client:
        ready(client)
        data = wav(noise(2))
        for number in range(1_000):
            assert post(client, data if number % 10 else b"no sound").status_code in (200, 422)
            if number in (199, 999):
                peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    assert peaks[1] - peaks[0] < 50, peaks


@pytest.mark.usefixtures("shown")
def test_nothing_is_left_and_no_clip_is_logged(client, clips, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    form = {"file": ("a secret name.wav", clips[0].read_bytes())}
    client.post(ROUTE, files=form, data={"text": "secret words"})
    post(client, b"no sound")
    assert list(tmp_path.iterdir()) == []
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[1:4] for line in lines] == [["POST", ROUTE, "200"], ["POST", ROUTE, "422"]]
    assert not any("secret" in line for line in lines)


def test_parallel_requests_are_predicted_in_batches(model, clips, monkeypatch):
    sizes: list[int] = []
    original = model.predict_recordings

    def counted(recordings, *rest, **named):
        sizes.append(len(recordings))
        return original(recordings, *rest, **named)

    monkeypatch.setattr(model, "predict_recordings", counted)
    datas = [clips[number % len(clips)].read_bytes() for number in range(50)]
    with client_of(model, ServerOptions(max_waiting=50)) as client:
        ready(client)
        expected = [post(client, data).json()["utterances"][0] for data in datas[: len(clips)]]
        sizes.clear()
        with ThreadPoolExecutor(50) as pool:
            found = list(pool.map(lambda data: post(client, data), datas))
    assert {one.status_code for one in found} == {200}
    assert sum(sizes) == 50 and len(sizes) < 25 and max(sizes) <= 16
    for number, one in enumerate(found):
        (row,) = one.json()["utterances"]
        wanted = expected[number % len(expected)]["posteriors"]
        assert row["posteriors"] == pytest.approx(wanted, abs=1e-5)


def test_a_full_queue_refuses_and_one_bad_clip_fails_alone(model, clips, monkeypatch):
    original = model.predict_recordings
    gate = asyncio.Event()

    def slow(recordings, *rest, **named):
        while not gate.is_set():
            time.sleep(0.01)
        if any(abs(one.end_s - 0.75) < 1e-6 for one in recordings):
            raise RuntimeError("/srv/secret")
        return original(recordings, *rest, **named)

    with client_of(model, ServerOptions(max_waiting=6)) as client:
        ready(client)
        monkeypatch.setattr(model, "predict_recordings", slow)
        datas = [wav(noise(0.75)), *[wav(noise(1.0))] * 19]
        with ThreadPoolExecutor(20) as pool:
            first = pool.submit(post, client, datas[0])
            time.sleep(0.3)
            waiting = [pool.submit(post, client, data) for data in datas[1:]]
            while sum(one.done() for one in waiting) < 14:
                time.sleep(0.01)
            gate.set()
            found = [one.result() for one in waiting]
        statuses = [one.status_code for one in found]
        assert statuses.count(200) == 5 and statuses.count(429) == 14
        full = next(one for one in found if one.status_code == 429)
        assert refusal(full, 429)["type"] == "rate_limit_error" and full.headers["retry-after"]
        failed = refusal(first.result(), 500)
        assert failed["type"] == "server_error" and "secret" not in failed["message"]


def test_a_server_is_ready_when_its_model_is(model, monkeypatch):
    gate = asyncio.Event()
    original = model.predict_recordings

    def slow(*words, **named):
        while not gate.is_set():
            time.sleep(0.01)
        return original(*words, **named)

    monkeypatch.setattr(model, "predict_recordings", slow)
    with client_of(model) as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        assert refusal(client.get("/readyz"), 503)["code"] == "not_ready"
        assert refusal(post(client, wav(noise(0.5))), 503)["type"] == "server_error"
        gate.set()
        ready(client)


def test_other_origins_are_let_in_only_if_they_are_named(client, model):
    origin = {"origin": "https://a.test"}
    assert "access-control-allow-origin" not in client.get("/v1/model", headers=origin).headers
    other = client_of(model, ServerOptions(cors="https://a.test"))
    named = other.get("/v1/model", headers=origin).headers
    assert named["access-control-allow-origin"] == "https://a.test"
    assert (
        "access-control-allow-origin"
        not in other.get("/v1/model", headers={"origin": "https://b.test"}).headers
    )


def test_the_description_names_routes_and_errors(client, model):
    described = client.get("/openapi.json").json()
    assert set(described["paths"]) == {ROUTE, "/v1/model", "/healthz", "/readyz"}
    responses = described["paths"][ROUTE]["post"]["responses"]
    assert {"200", "400", "413", "422", "429", "503"} == set(responses)
    facts = client.get("/v1/model").json()
    assert facts["classes"] == list(model.classes) and facts["max_seconds"] == 20


def test_the_page_needs_nothing_else(client):
    response = client.get("/")
    policy, page = response.headers["content-security-policy"], response.text
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert not re.findall(r"(?:https?:)?//[a-z]", page.replace("http://www.w3.org/2000/svg", ""))
    assert not re.findall(r"\son[a-z]+=|style=", page)


def test_the_command_serves_until_it_is_interrupted(trained, clips):
    words = [sys.executable, "-m", "medusa.cli", "--workspace", trained, "serve", "b"]
    with subprocess.Popen([*words, "--port", "0"], stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            lines = iter(process.stderr.readline, "")
            address = next(line.split()[0] for line in lines if line.startswith("http://127.0.0.1"))
            with httpx2.Client(base_url=address, timeout=60) as client:
                while client.get("/readyz").status_code != 200:
                    time.sleep(0.2)
                files = {"file": ("clip", clips[0].read_bytes())}
                assert client.post(ROUTE, files=files).status_code == 200
            process.send_signal(signal.SIGINT)
            rest = process.stderr.read()
            assert process.wait(60) == 0 and "Traceback" not in rest
        finally:
            process.kill()


def test_a_model_that_cannot_be_loaded_ends_the_server(model, monkeypatch):
    def broken(*_, **__):
        raise CheckpointError("the weights are gone")

    monkeypatch.setattr(model, "predict_recordings", broken)
    with pytest.raises(CheckpointError, match="gone"):
        medusa.serve(model, ServerOptions(port=0))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match="expected a free port"):
            medusa.serve(model, ServerOptions(port=port))


def test_a_missing_library_is_named_before_a_model_is_loaded(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    message = str(invoke(tmp_path, "serve", "no-such-run").exception)
    assert message == "serve: uvicorn is not installed; run `pip install 'medusa-ser[serve]'`"


@pytest.mark.parametrize("setting", [{"max_bytes": 0}, {"max_seconds": 601.0}, {"batch": 0}])
def test_impossible_limits_are_refused(setting):
    with pytest.raises(ConfigError, match=next(iter(setting))):
        ServerOptions(**setting)
