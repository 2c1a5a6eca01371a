"""``vault create`` and ``vault put``: an encrypted vault of one's own, in rclone's crypt format."""

from __future__ import annotations

import argparse
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gateway.cli.options import add_common, add_source_options, secret_for, settings_of
from gateway.cli.progress import show_progress
from gateway.cli.vault_writer import read_pieces, write_sealed
from gateway.config.data_folder import write_private
from gateway.config.host_specs import LocalSpec
from gateway.config.rclone_conf import RcloneConf, find_conf, load_conf, resolve
from gateway.config.settings import Settings
from gateway.config.sources import Form, parse_source
from gateway.errors import BadArgument, HostRefused, SettingsError, Unsupported
from gateway.vaults.rclone import CryptVault, choose_settings, derive_keys, render_section


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``vault`` and its two acts."""
    vault = commands.add_parser("vault", help="make an encrypted vault and put files into it")
    acts = vault.add_subparsers(dest="act", metavar="ACT", required=True)

    create = acts.add_parser("create", help="make an encrypted vault in a folder")
    create.add_argument("path", metavar="PATH", type=Path)
    create.add_argument("--name", metavar="NAME", help="name of the remote (default: the folder's)")
    create.set_defaults(run=_create)

    put = acts.add_parser("put", help="encrypt files or folders into a vault")
    put.add_argument("vault", metavar="VAULT", help="folder of the vault, or rclone:NAME[:PATH]")
    put.add_argument("files", metavar="FILE", nargs="+", type=Path)
    put.add_argument("--to", metavar="FOLDER", default="", help="folder inside the vault")
    put.add_argument("--force", action="store_true", help="replace files of the same name")
    put.set_defaults(run=_put)

    for parser in (create, put):
        add_source_options(parser)
        add_common(parser)


def _create(options: argparse.Namespace) -> int:
    settings = settings_of(options)
    folder = options.path.expanduser().absolute()
    name = options.name or re.sub(r"[^\w.+@-]+", "-", folder.name).strip("-.") or "vault"
    conf = _conf_path(settings)
    known = load_conf(conf, os.environ.get("RCLONE_CONFIG_PASS")).sections if conf.exists() else {}
    if name in known:
        raise SettingsError([f"{conf} has a remote {name!r} already; choose another --name"])
    if conf.exists() and "RCLONE_ENCRYPT_" in conf.read_text(encoding="utf-8", errors="replace"):
        raise SettingsError(
            [f"{conf} is encrypted and cannot be added to; name another with --rclone-config"]
        )
    try:
        if folder.exists() and any(folder.iterdir()):
            raise BadArgument(f"{folder} is not empty; a new vault wants a folder of its own")
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as failure:
        raise HostRefused(f"{folder}: {failure.strerror}") from failure
    secret = secret_for(options, name, f"Passphrase of the new vault {name} (empty: made for you)")
    chosen = choose_settings(secret or None)
    before = conf.read_text(encoding="utf-8") if conf.exists() else ""
    gap = "" if not before else "\n" if before.endswith("\n") else "\n\n"
    write_private(conf, before + gap + render_section(name, chosen, str(folder)))
    sys.stdout.write(
        f"vault {name} in {folder}\n"
        f"its key stands in {conf}: keep a copy of that file, without it nothing opens\n"
        f"fill it   vaultcast vault put {folder} FILE...\n"
        f"serve it  vaultcast serve rclone:{name}\n"
    )
    return 0


def _conf_path(settings: Settings) -> Path:
    asked = settings.text("rclone.config") or os.environ.get("RCLONE_CONFIG", "")
    if asked:
        return Path(asked).expanduser()
    try:
        return find_conf(None, os.environ, Path.home())
    except SettingsError:
        base = os.environ.get("XDG_CONFIG_HOME")
        return (Path(base) if base else Path.home() / ".config") / "rclone" / "rclone.conf"


@dataclass(frozen=True, slots=True)
class _Job:
    file: Path
    path: str
    size_bytes: int


def _put(options: argparse.Namespace) -> int:
    vault, root, inside = _open_vault(options)
    base = "/".join(part for part in (inside, options.to.strip("/")) if part)
    jobs = _jobs(options.files, base)
    total = sum(job.size_bytes for job in jobs)
    done = 0
    with show_progress("encrypting", total, quiet=options.quiet, in_bytes=True) as told:
        for job in jobs:

            def add(length: int, path: str = job.path) -> None:
                nonlocal done
                done += length
                told(done, PurePosixPath(path).name)

            write_sealed(vault, root, job.path, read_pieces(job.file, add), replaces=options.force)
    if not options.quiet:
        sys.stdout.write(f"{len(jobs)} files, {total} bytes, encrypted into {root}\n")
    return 0


def _open_vault(options: argparse.Namespace) -> tuple[CryptVault, Path, str]:
    settings = settings_of(options)
    spec = parse_source(options.vault)
    conf = load_conf(_conf_path(settings), os.environ.get("RCLONE_CONFIG_PASS"))
    if spec.form is Form.RCLONE:
        remote = spec.location
    elif spec.form is Form.FOLDER:
        remote = _remote_of_folder(conf, Path(spec.location))
    else:
        raise Unsupported("vault put writes to folders of this machine; use rclone copy for others")
    name = remote.partition(":")[0]
    resolved = resolve(conf, remote, secret_for(options, name, None))
    if resolved.vault is None:
        raise BadArgument(f"{options.vault} is not encrypted: copy files there as usual")
    if not isinstance(resolved.host, LocalSpec):
        raise Unsupported("vault put writes to folders of this machine; use rclone copy for others")
    keys = derive_keys(resolved.vault.password, resolved.vault.password2)
    return CryptVault(resolved.vault, keys), resolved.host.path, resolved.inside


def _remote_of_folder(conf: RcloneConf, folder: Path) -> str:
    for name, section in conf.sections.items():
        where = section.get("remote", "")
        if section.get("type") == "crypt" and where and Path(where).expanduser() == folder:
            return f"{name}:"
    raise BadArgument(
        f"no crypt remote of {conf.file} lies in {folder}; "
        "make one with vaultcast vault create, or name it as rclone:NAME"
    )


def _jobs(files: list[Path], base: str) -> list[_Job]:
    jobs: list[_Job] = []
    mistakes: list[str] = []
    for given in files:
        file = given.expanduser().absolute()
        if not file.exists():
            mistakes.append(f"{given}: no such file or folder")
        found = [file] if file.is_file() else sorted(file.rglob("*"))
        for one in found:
            if one.is_file():
                inside = one.relative_to(file.parent).as_posix()
                path = "/".join(part for part in (base, inside) if part)
                jobs.append(_Job(one, path, one.stat().st_size))
    if mistakes:
        raise SettingsError(mistakes)
    return jobs
