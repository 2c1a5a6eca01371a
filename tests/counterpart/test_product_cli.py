"""The commands against vaults that the real rclone wrote, and what a wrong word ends with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import find_program
from tests.product import make_vault, running_product

pytestmark = pytest.mark.needs("rclone")
CLEAR = {
    "Films/Ärger & Co (1999).mkv": os.urandom(200_001),
    "Music/one.mp3": os.urandom(65_536),
    "notes.txt": b"hello",
}


def vaultcast(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    env = {**os.environ, "XDG_CONFIG_HOME": str(folder / "config"), **environment}
    env = {name: value for name, value in env.items() if value}
    return subprocess.run(
        [sys.executable, "-m", "gateway", *words],
        env=env,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )


def rclone(conf: Path, *words: str, **environment: str) -> bytes:
    done = subprocess.run(
        [find_program("rclone"), "--config", str(conf), *words],
        env={**os.environ, **environment},
        capture_output=True,
        timeout=60,
        check=True,
    )
    return done.stdout


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """A folder with ``rclone.conf`` and vaults that rclone wrote: names sealed, names plain."""
    folder = tmp_path_factory.mktemp("written")
    conf = folder / "rclone.conf"
    for name, mode in (("sealed", "standard"), ("plain", "off")):
        rclone(
            conf, "config", "create", name, "crypt", f"remote={folder / name}",
            f"filename_encryption={mode}", "password=open sesame", "password2=salt", "--obscure",
        )  # fmt: skip
    for path, clear in CLEAR.items():
        source = folder / "clear" / path
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_bytes(clear)
    for name in ("sealed", "plain"):
        rclone(conf, "copy", str(folder / "clear"), f"{name}:")
    return folder


def spoiled(written: Path, folder: Path, **changes: str) -> Path:
    """The same configuration with options of the sections changed."""
    conf = folder / "spoiled.conf"
    conf.write_text((written / "rclone.conf").read_text())
    for name, option in changes.items():
        key, _, value = option.partition("=")
        rclone(conf, "config", "update", name, f"{key}={value}", "--obscure")
    return conf


@pytest.mark.parametrize("name", ["sealed", "plain"])
def test_check_counts_and_proves_the_key(written, tmp_path, name):
    conf = str(written / "rclone.conf")
    done = vaultcast(tmp_path, "check", f"rclone:{name}", "--rclone-config", conf)
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode()
    assert "3 files" in text.replace("        3 files", "3 files")
    assert str(sum(map(len, CLEAR.values()))) in text
    assert "key: proven" in text


def test_ls_and_cat_show_every_file(written, tmp_path):
    conf = ("--rclone-config", str(written / "rclone.conf"))
    done = vaultcast(tmp_path, "ls", "rclone:sealed", "Films", "--json", *conf)
    (line,) = done.stdout.decode().splitlines()
    path = "Films/Ärger & Co (1999).mkv"
    assert json.loads(line) == {"path": path, "size": 200_001, "kind": "video"}
    whole = vaultcast(tmp_path, "cat", "rclone:sealed", path, *conf)
    assert whole.stdout == CLEAR[path]
    part = ("--offset", "65530", "--count", "70000")
    assert (
        vaultcast(tmp_path, "cat", "rclone:sealed", path, *part, *conf).stdout
        == (CLEAR[path][65530:135530])
    )
    below = vaultcast(tmp_path, "cat", "rclone:sealed:Films", "Ärger & Co (1999).mkv", *conf)
    assert below.stdout == CLEAR[path]
    gone = vaultcast(tmp_path, "cat", "rclone:sealed", "Films/absent.mkv", *conf)
    assert (gone.returncode, gone.stdout) == (2, b"")


@pytest.mark.parametrize("name", ["sealed", "plain"])
@pytest.mark.parametrize("command", ["check", "ls", "cat"])
def test_a_wrong_passphrase_ends_with_4(written, tmp_path, name, command):
    conf = spoiled(written, tmp_path, **{name: "password=wrong"})
    words = [command, f"rclone:{name}", *(["notes.txt"] if command == "cat" else [])]
    done = vaultcast(tmp_path, *words, "--rclone-config", str(conf))
    assert done.returncode == 4, (done.stdout, done.stderr)
    assert done.stdout == b""
    assert done.stderr


def test_a_damaged_block_ends_cat_with_5_and_no_wrong_byte(written, tmp_path):
    conf = tmp_path / "rclone.conf"
    copy = tmp_path / "copy"
    rclone(written / "rclone.conf", "copy", str(written / "plain"), str(copy))
    conf.write_text(
        (written / "rclone.conf").read_text().replace(str(written / "plain"), str(copy))
    )
    stored = next(copy.glob("Films/*.mkv.bin"))
    raw = bytearray(stored.read_bytes())
    raw[32 + 65552 + 20] ^= 1
    stored.write_bytes(raw)
    path = "Films/Ärger & Co (1999).mkv"
    done = vaultcast(tmp_path, "cat", "rclone:plain", path, "--rclone-config", str(conf))
    assert done.returncode == 5
    assert done.stdout == CLEAR[path][:65536]
    behind = ("--offset", "131072")
    done = vaultcast(tmp_path, "cat", "rclone:plain", path, *behind, "--rclone-config", str(conf))
    assert (done.returncode, done.stdout) == (0, CLEAR[path][131072:])


def test_an_encrypted_configuration_is_opened_with_its_password(written, tmp_path):
    conf = tmp_path / "rclone.conf"
    conf.write_text((written / "rclone.conf").read_text())
    rclone(
        conf, "config", "encryption", "set", "--password-command", "echo config-pass",
    )  # fmt: skip
    assert "RCLONE_ENCRYPT_V0" in conf.read_text()
    words = ("cat", "rclone:sealed", "notes.txt", "--rclone-config", str(conf))
    assert vaultcast(tmp_path, *words, RCLONE_CONFIG_PASS="config-pass").stdout == b"hello"
    assert vaultcast(tmp_path, *words, RCLONE_CONFIG_PASS="other").returncode == 4
    assert vaultcast(tmp_path, *words).returncode == 4


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("check", "rclone:absent"), 2, "absent"),
        (("check", "/no/such/folder"), 3, "/no/such/folder"),
        (("check", "webdav+http://127.0.0.1:9/x"), 3, "127.0.0.1"),
        (("check", "s3://bucket/x"), 2, "S3"),
        (("check", "rclone:cloud"), 2, "drive"),
        (("serve", "--bind", "127.0.0.1", "--port", "99999"), 2, "65535"),
    ],
)
def test_what_is_wrong_is_named_and_has_its_code(written, tmp_path, words, code, said):
    conf = tmp_path / "rclone.conf"
    conf.write_text((written / "rclone.conf").read_text() + "\n[cloud]\ntype = drive\n")
    data = ("--data", str(tmp_path / "data"))
    done = vaultcast(tmp_path, *words, *data, RCLONE_CONFIG=str(conf))
    assert done.returncode == code, done.stderr
    assert said in done.stderr.decode()


def test_all_mistakes_of_the_settings_are_told_at_once(tmp_path):
    settings = tmp_path / "config.toml"
    settings.write_text('[server]\nprot = 1\nopen = "yes"\n')
    done = vaultcast(tmp_path, "serve", "--config", str(settings))
    assert done.returncode == 2
    assert "did you mean server.port" in done.stderr.decode()
    assert "server.open must be true or false" in done.stderr.decode()


def test_a_vault_we_make_is_one_that_rclone_reads(tmp_path):
    conf = tmp_path / "rclone.conf"
    vault = tmp_path / "My Films"
    words = ("--rclone-config", str(conf))
    done = vaultcast(tmp_path, "vault", "create", str(vault), *words)
    assert done.returncode == 0, done.stderr
    assert "rclone:My-Films" in done.stdout.decode()
    assert conf.stat().st_mode & 0o077 == 0
    source = tmp_path / "in" / "Season 1"
    source.mkdir(parents=True)
    (source / "é.mkv").write_bytes(CLEAR["Music/one.mp3"])
    for more, code in (((), 0), ((), 2), (("--force",), 0)):
        done = vaultcast(tmp_path, "vault", "put", str(vault), str(source), *more, *words)
        assert done.returncode == code, done.stderr
    assert rclone(conf, "cat", "My-Films:Season 1/é.mkv") == CLEAR["Music/one.mp3"]
    assert rclone(conf, "lsf", "-R", "--files-only", "My-Films:").decode() == "Season 1/é.mkv\n"
    again = vaultcast(tmp_path, "vault", "create", str(vault), *words)
    assert again.returncode == 2
    asked = vaultcast(
        tmp_path, "vault", "create", str(tmp_path / "b"), "--name", "b", *words,
        VAULTCAST_SECRET_B="my own words",
    )  # fmt: skip
    assert asked.returncode == 0
    revealed = rclone(conf, "reveal", conf.read_text().split("password = ")[-1].split()[0])
    assert revealed.decode().strip() == "my own words"


def test_serve_with_nothing_but_a_wrong_key_ends_with_4(written, tmp_path):
    conf = spoiled(written, tmp_path, sealed="password=wrong")
    done = vaultcast(
        tmp_path, "serve", "rclone:sealed", "--rclone-config", str(conf), "--bind", "127.0.0.1",
        "--port", "0", "--no-mdns", "--no-dlna", "--data", str(tmp_path / "data"),
    )  # fmt: skip
    assert done.returncode == 4, done.stderr


async def test_a_wrong_key_beside_a_right_one_is_marked_locked(written, tmp_path):
    conf = spoiled(written, tmp_path, sealed="password=wrong")
    sources = ("--rclone-config", str(conf), "rclone:sealed", "rclone:plain")
    async with running_product(tmp_path, *sources) as product:
        titles = {one["title"] for one in await product.items(2, probed=False)}
        assert len(titles) == 2
        states = {one["name"]: one["state"] for one in (await product.get("/health"))["sources"]}
        assert states["sealed"] == "locked"
        assert states["plain"] in ("ready", "scanning")


async def test_a_taken_port_or_folder_ends_with_2_and_a_signal_with_0(tmp_path):
    conf = make_vault(tmp_path, {"Films/long.mkv": os.urandom(30_000_000)})
    source = ("--rclone-config", str(conf), "rclone:vault")
    async with running_product(tmp_path, *source) as product:
        common = ("serve", "--bind", "127.0.0.1", "--no-mdns", "--no-dlna", "--data")
        done = vaultcast(tmp_path, *common, str(product.data), "--port", "0")
        assert done.returncode == 2
        assert "already runs" in done.stderr.decode()
        port = product.base.rsplit(":", 1)[1]
        done = vaultcast(tmp_path, *common, str(tmp_path / "other"), "--port", port)
        assert done.returncode == 2
        assert port in done.stderr.decode()
        (item,) = await product.items(1, probed=False)
        async with product.session.get(product.base + item["media"]) as reply:
            await reply.content.readany()
            began = time.monotonic()
            assert await product.end() < 5
            assert product.process.returncode == 0
            assert time.monotonic() - began < 5
        assert not (product.data / "running.json").exists()
