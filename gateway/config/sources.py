"""Sources as users write them: which form, which name, whose secret. Opens nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

from gateway.config.host_specs import HttpSpec, LocalSpec, ResolvedRemote, WebDavSpec, url_below
from gateway.config.rclone_conf import find_conf, load_conf, resolve
from gateway.errors import SettingsError

SECRET_VARIABLE = "VAULTCAST_SECRET_"  # noqa: S105
"""Environment variables of this prefix hold the sources' secrets."""


class Form(StrEnum):
    """The source forms this release reads."""

    FOLDER = "file"
    RCLONE = "rclone"
    WEBDAV = "webdav"
    HTTP = "http"


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """One source.

    Attributes:
        name: short and unique; names the source everywhere, and its secret.
        location: absolute folder, ``remote:path``, or an http address that ends in ``/``.
        user: login name out of an address.
        is_named: the user gave the name, else it was derived.
    """

    name: str
    form: Form
    location: str
    user: str | None = None
    is_named: bool = False

    @property
    def text(self) -> str:
        """The source in one line, as ``parse_source`` reads it back; no secret in it."""
        location = self.location
        if self.form in {Form.WEBDAV, Form.HTTP}:
            if self.user:
                location = location.replace("://", f"://{quote(self.user, safe='')}@", 1)
            return f"webdav+{location}" if self.form is Form.WEBDAV else location
        return f"{self.form}:{location}"

    @property
    def secret_variable(self) -> str:
        """Environment variable that holds its secret."""
        return SECRET_VARIABLE + re.sub(r"\W", "_", self.name).upper()


_NAME = re.compile(r"(?P<name>[\w][\w .+-]{0,39})=(?P<rest>.+)", re.DOTALL)
_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):(?P<rest>.*)", re.DOTALL)
_NOT_YET = {
    "mega": "a MEGA account",
    "cryptomator": "a Cryptomator vault",
    "gocryptfs": "a gocryptfs vault",
    "age": "a folder of age files",
    "s3": "an S3 bucket",
    "sftp": "an SFTP server",
}
_MEGA_HOSTS = frozenset({"mega.nz", "mega.co.nz", "mega.io", "www.mega.nz"})
_FORMS = "PATH, file:PATH, rclone:REMOTE[:PATH], webdav+https://…, webdav+http://…, https://…/"


def parse_source(text: str) -> SourceSpec:
    """Read ``SOURCE`` or ``NAME=SOURCE``.

    Raises:
        SettingsError: no known form, one this release does not read yet, or a secret inside.
    """
    text = text.strip()
    named = _NAME.fullmatch(text)
    source = named["rest"].strip() if named else text
    if not source:
        raise SettingsError([f"an empty source; known forms are {_FORMS}"])
    scheme = _SCHEME.fullmatch(source)
    # One letter before a colon is a Windows drive; a separator before it is a path.
    if scheme is None or os.sep in scheme["scheme"]:
        spec = _folder(source)
    else:
        spec = _with_scheme(source, scheme["scheme"].lower(), scheme["rest"])
    if named:
        return replace(spec, name=named["name"].strip(), is_named=True)
    return spec


def parse_sources(texts: Iterable[str]) -> list[SourceSpec]:
    """Read many; derived names that meet get a number, given names must differ.

    Raises:
        SettingsError: all mistakes at once.
    """
    mistakes: list[str] = []
    specs: list[SourceSpec] = []
    for text in texts:
        try:
            specs.append(parse_source(text))
        except SettingsError as error:
            mistakes += error.mistakes
    taken: set[str] = set()
    for spec in specs:
        if spec.is_named:
            if spec.secret_variable in taken:
                mistakes.append(f"two sources are named {spec.name!r}: give each its own NAME=")
            taken.add(spec.secret_variable)
    if mistakes:
        raise SettingsError(mistakes)
    return [spec if spec.is_named else _numbered(spec, taken) for spec in specs]


def _numbered(spec: SourceSpec, taken: set[str]) -> SourceSpec:
    first, number = spec.name, 1
    while spec.secret_variable in taken:
        number += 1
        spec = replace(spec, name=f"{first}-{number}")
    taken.add(spec.secret_variable)
    return spec


def parse_secret_file(text: str) -> tuple[str, Path]:
    """Read ``NAME=FILE`` of ``--secret-file``.

    Raises:
        SettingsError: it is not of that form.
    """
    named = _NAME.fullmatch(text)
    if named is None:
        # The text may be the secret itself, so it is not repeated.
        raise SettingsError(["--secret-file wants NAME=FILE"])
    return named["name"].strip(), Path(named["rest"].strip()).expanduser()


def find_secret(
    spec: SourceSpec, environ: Mapping[str, str], files: Mapping[str, Path]
) -> str | None:
    """The source's secret out of its file or its environment variable; None when neither is there.

    Raises:
        SettingsError: the file cannot be read or is empty.
    """
    file = files.get(spec.name)
    if file is None:
        return environ.get(spec.secret_variable) or None
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no text in UTF-8"
        raise SettingsError([f"the secret file {file} of {spec.name!r}: {reason}"]) from error
    secret = text.removesuffix("\n").removesuffix("\r")
    if not secret:
        raise SettingsError([f"the secret file {file} of {spec.name!r} is empty"])
    return secret


def resolve_source(
    spec: SourceSpec,
    *,
    secret: str | None,
    rclone_config: Path | None,
    environ: Mapping[str, str],
    home: Path,
) -> ResolvedRemote:
    """What is to be opened for a source. Reads ``rclone.conf``, nothing else.

    Args:
        spec: the source.
        secret: password of the address's user; of an rclone source: password of an encrypted
            ``rclone.conf`` unless ``RCLONE_CONFIG_PASS`` is set, and of a crypt section that has
            none.
        rclone_config: ``--rclone-config``.
        environ: the process's environment.
        home: the user's home folder.

    Raises:
        SettingsError, Unsupported, Locked, WrongKey: see ``rclone_conf.load_conf`` and ``resolve``.
    """
    match spec.form:
        case Form.FOLDER:
            return ResolvedRemote(LocalSpec(Path(spec.location)))
        case Form.WEBDAV:
            return ResolvedRemote(WebDavSpec(spec.location, spec.user, secret))
        case Form.HTTP:
            return ResolvedRemote(HttpSpec(spec.location, spec.user, secret))
        case Form.RCLONE:
            file = find_conf(rclone_config, environ, home)
            password = environ.get("RCLONE_CONFIG_PASS") or secret
            return resolve(load_conf(file, password), spec.location, secret)


def _with_scheme(source: str, scheme: str, rest: str) -> SourceSpec:
    readers: dict[str, Callable[[str], SourceSpec]] = {
        "file": _file,
        "rclone": _rclone,
        "webdav+http": lambda rest: _address(Form.WEBDAV, "http:" + rest),
        "webdav+https": lambda rest: _address(Form.WEBDAV, "https:" + rest),
        "http": lambda rest: _address(Form.HTTP, "http:" + rest),
        "https": lambda rest: _address(Form.HTTP, "https:" + rest),
    }
    if scheme in _NOT_YET:
        raise SettingsError(
            [f"{scheme}: is {_NOT_YET[scheme]}, which this release does not read yet"]
        )
    if scheme not in readers:
        # The rest may hold a password, so it is not repeated.
        raise SettingsError(
            [
                f"{scheme}: is no known form of a source ({_FORMS}); a folder with a colon in its"
                " name is written file:PATH"
            ]
        )
    return readers[scheme](rest)


def _file(rest: str) -> SourceSpec:
    if rest.startswith("//"):
        # file:///folder, as file managers copy it.
        return _folder(unquote(rest.removeprefix("//").removeprefix("localhost")))
    return _folder(rest)


def _folder(path: str) -> SourceSpec:
    if not path:
        raise SettingsError(["file: names no folder"])
    location = Path(os.path.abspath(Path(path).expanduser()))  # noqa: PTH100 (keeps links)
    return SourceSpec(_name_from(location.name, "files"), Form.FOLDER, str(location))


def _rclone(rest: str) -> SourceSpec:
    remote, _, path = rest.partition(":")
    if not remote:
        raise SettingsError(["rclone: names no remote; write rclone:REMOTE or rclone:REMOTE:PATH"])
    path = path.strip("/")
    name = _name_from(path.rpartition("/")[2] or remote, "rclone")
    return SourceSpec(name, Form.RCLONE, f"{remote}:{path}")


def _address(form: Form, url: str) -> SourceSpec:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise SettingsError([f"a source address is wrong: {error}"]) from error
    if not host:
        raise SettingsError([f"a source address names no host; known forms are {_FORMS}"])
    if host in _MEGA_HOSTS:
        raise SettingsError(["a MEGA link, which this release does not read yet"])
    if parts.query or parts.fragment:
        raise SettingsError([f"the address of {host} has a part after ? or #: name a folder"])
    if parts.password is not None:
        raise SettingsError(
            [
                f"a password stands in the address of {host}: leave it out and give it by"
                f" {SECRET_VARIABLE}NAME or --secret-file"
            ]
        )
    path = url_below(parts.path, "")
    last = unquote(path.rstrip("/").rpartition("/")[2])
    return SourceSpec(
        name=_name_from(last or host, "web"),
        form=form,
        location=urlunsplit((parts.scheme, _place(parts), path, "", "")),
        user=unquote(parts.username) if parts.username else None,
    )


def _place(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def _name_from(text: str, fallback: str) -> str:
    """A name out of a folder, remote or host: only what a NAME may hold."""
    name = re.sub(r"[^\w .+-]+", "-", text).strip(" .-+")[:40].rstrip()
    return name or fallback
