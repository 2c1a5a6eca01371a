from __future__ import annotations

import io
import json
import logging

import pytest
from PIL import Image

from gateway import errors
from gateway.cli import demo_media, log
from gateway.cli.errors import DAMAGED, UNFORESEEN, USAGE, WRONG_KEY, exit_code, sentences
from gateway.cli.main import build_parser, main
from gateway.cli.progress import show_progress
from gateway.cli.qr import qr_text
from gateway.cli.vault_writer import is_in_vault, read_pieces, write_sealed
from gateway.vaults.rclone import CryptSettings, CryptVault, derive_keys
from transcode.errors import ConverterFailed

VAULT = CryptVault(CryptSettings("secret"), derive_keys("secret"))


@pytest.mark.parametrize("number", [0, 1, 7343, 65535])
def test_a_frame_code_reads_back(number):
    assert demo_media.read_frame_code(demo_media.frame_code(number)) == number


def test_one_wrong_bar_is_noticed():
    bars = list(demo_media.frame_code(1234))
    for at in range(demo_media.CODE_BARS):
        bars[at] = not bars[at]
        assert demo_media.read_frame_code(tuple(bars)) is None
        bars[at] = not bars[at]


def test_photos_are_turned_so_that_exif_turns_them_back():
    for file in demo_media.demo_files():
        if file.path.endswith(".jpg"):
            picture = Image.open(io.BytesIO(file.make(lambda part: None)))
            turned = picture.getexif()[0x0112]
            assert (picture.width > picture.height) == (turned == 1)


def test_the_demo_holds_what_it_promises():
    paths = [file.path for file in demo_media.demo_files()]
    assert len(paths) == len(set(paths)) == 18
    assert sum("S01E" in path for path in paths) == sum("S02E" in path for path in paths) == 3
    assert any(path.endswith(".mkv") for path in paths)


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (errors.WrongKey("x"), WRONG_KEY),
        (errors.Corrupt("x", block=3), DAMAGED),
        (errors.SettingsError(["x"]), USAGE),
        (type("New", (errors.Truncated,), {})("x"), DAMAGED),
        (ValueError("x"), UNFORESEEN),
    ],
)
def test_exit_codes(failure, code):
    assert exit_code(failure) == code


def test_all_mistakes_and_the_converters_last_words_are_told():
    assert sentences(errors.SettingsError(["one", "two"])) == ["one", "two"]
    assert sentences(ConverterFailed("ended", "a\nb")) == ["ended", "a", "b"]


@pytest.mark.parametrize("words", [[], ["doctor"], ["serve", "--port", "x"], ["cat"]])
def test_wrong_words_end_with_2(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_help_names_every_command():
    text = build_parser().format_help()
    for name in ("demo", "serve", "check", "ls", "cat", "token", "vault"):
        assert f"\n    {name} " in text


def test_a_source_of_no_known_form_ends_with_2(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert main(["check", "gopher:hole"]) == USAGE
    assert "known form" in capsys.readouterr().err


@pytest.mark.parametrize("form", [log.TextForm(), log.JsonForm()])
def test_tokens_never_stand_in_logs(form):
    token = "Zk3_aV9-bQ2xT7yLmN0pR5sU"
    record = logging.LogRecord("web", logging.INFO, "", 0, "GET /media/%s/12.mkv", (token,), None)
    line = form.format(record)
    assert token not in line
    assert "12.mkv" in line


def test_json_lines_are_json():
    record = logging.LogRecord("web", logging.WARNING, "", 0, "a\nb", (), None)
    entry = json.loads(log.JsonForm().format(record))
    assert entry["level"] == "warning"
    assert entry["message"] == "a\nb"


def test_progress_off_a_terminal_is_a_few_plain_lines(capsys):
    with show_progress("making", 100, quiet=False) as told:
        for done in range(0, 101, 5):
            told(done, "x")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "making: 0% x"
    assert lines[-1] == "making: done"
    assert len(lines) == 6


def test_quiet_progress_says_nothing(capsys):
    with show_progress("making", 100, quiet=True) as told:
        told(50, "x")
    assert capsys.readouterr().err == ""


def test_the_qr_code_ends_its_lines():
    assert qr_text("http://192.168.1.20:8420/remote#own.x").count("\n") > 10


def test_a_sealed_file_is_written_whole_and_not_replaced_unasked(tmp_path):
    write_sealed(VAULT, tmp_path, "Films/a.mkv", [b"clear"])
    assert is_in_vault(VAULT, tmp_path, "Films/a.mkv")
    assert not is_in_vault(VAULT, tmp_path, "Films/b.mkv")
    with pytest.raises(errors.BadArgument, match="--force"):
        write_sealed(VAULT, tmp_path, "Films/a.mkv", [b"other"])
    write_sealed(VAULT, tmp_path, "Films/a.mkv", [b"other"], replaces=True)
    files = [one for one in tmp_path.rglob("*") if one.is_file()]
    assert len(files) == 1
    assert files[0].stat().st_size == 32 + 16 + 5


def test_a_source_that_breaks_leaves_no_part_behind(tmp_path):
    def broken():
        yield b"half"
        raise errors.BadArgument("gone")

    with pytest.raises(errors.BadArgument):
        write_sealed(VAULT, tmp_path, "a", broken())
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == []


def test_an_unreadable_file_is_named(tmp_path):
    with pytest.raises(errors.BadArgument, match="absent"):
        list(read_pieces(tmp_path / "absent", lambda length: None))
