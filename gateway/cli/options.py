"""The options every command shares, and what they make of the settings."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from pathlib import Path

from gateway.config.data_folder import DataFolder, open_data_folder
from gateway.config.settings import Settings, default_data_path, load_settings
from gateway.config.sources import Form, SourceSpec, find_secret, parse_secret_file


def add_common(parser: argparse.ArgumentParser) -> None:
    """Options of every command."""
    group = parser.add_argument_group("common options")
    group.add_argument("--data", metavar="DIR", type=Path, help="state (default: XDG data folder)")
    group.add_argument("--config", metavar="FILE", type=Path, help="settings file (TOML)")
    group.add_argument("--log-format", choices=("text", "json"), help="form of the log lines")
    group.add_argument("--quiet", action="store_true", help="say only what was asked for")


def add_source_options(parser: argparse.ArgumentParser) -> None:
    """Options of commands that open sources."""
    parser.add_argument("--rclone-config", metavar="FILE", type=Path, help="path of rclone.conf")
    parser.add_argument(
        "--secret-file",
        metavar="NAME=FILE",
        action="append",
        default=[],
        help="file that holds the secret of source NAME (repeatable)",
    )


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """Options of commands that serve."""
    parser.add_argument(
        "--port", metavar="N", type=int, help="TCP port (default 8420 or the next free; 0 any)"
    )
    parser.add_argument(
        "--bind",
        metavar="ADDRESS",
        action="append",
        help="address to serve on (repeatable; default: private addresses of this machine)",
    )
    parser.add_argument("--name", metavar="TEXT", help="name that TVs show")
    parser.add_argument(
        "--open", action="store_true", default=None, help="let every device of the LAN watch"
    )
    parser.add_argument("--no-dlna", action="store_true", help="do not announce over DLNA")
    parser.add_argument("--no-mdns", action="store_true", help="do not announce over mDNS")


def settings_of(options: argparse.Namespace) -> Settings:
    """The settings file with the command line laid over it.

    Raises:
        SettingsError: anything in either is wrong.
    """
    settings = load_settings(options.config)
    rclone = getattr(options, "rclone_config", None)
    return settings.with_values(
        log__format=options.log_format,
        rclone__config=None if rclone is None else str(rclone),
        server__port=getattr(options, "port", None),
        server__bind=getattr(options, "bind", None),
        server__name=getattr(options, "name", None),
        server__open=getattr(options, "open", None),
        server__dlna=False if getattr(options, "no_dlna", False) else None,
        server__mdns=False if getattr(options, "no_mdns", False) else None,
    )


def data_of(options: argparse.Namespace) -> DataFolder:
    """The data folder of this call."""
    return open_data_folder(options.data or default_data_path())


def secret_files_of(options: argparse.Namespace) -> dict[str, Path]:
    """The ``--secret-file`` options.

    Raises:
        SettingsError: one is not ``NAME=FILE``.
    """
    return dict(parse_secret_file(text) for text in options.secret_file)


def secret_for(options: argparse.Namespace, name: str, question: str | None) -> str | None:
    """The secret of source ``name``: its variable, its file, or asked for on a terminal."""
    spec = SourceSpec(name, Form.FOLDER, "")
    found = find_secret(spec, os.environ, secret_files_of(options))
    if found is None and question is not None and sys.stdin.isatty() and sys.stderr.isatty():
        try:
            found = getpass.getpass(f"{question}: ", sys.stderr)
        except EOFError:
            return None
    return found
