"""Build the asset twice from one recipe: for Lambda from the package index, for this machine from what is installed.

The same sources and requirements give the same hash on every machine, whether or not the builder could compile them.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import py_compile
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from infra.failure import Failure

REQUIREMENTS: Final = Path(__file__).with_name("requirements.txt")
PROJECT: Final = Path(__file__).resolve().parents[2]
SOURCES: Final = ("functions", "shared")

PYTHON: Final = (3, 14)
"""The Python of the Lambda runtime."""
PLATFORM: Final = "manylinux2014_aarch64"
ZIP_LIMIT: Final = 5 * 1024 * 1024
"""Bytes of the zip for AWS. Two fifths are pydantic's core."""

_PROGRAMS: Final = "bin"
_LEFT_OUT_OF_METADATA: Final = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"}


_UNUSED: Final = (
    "aws_lambda_powertools/event_handler",
    *(
        f"aws_lambda_powertools/utilities/{name}"
        for name in (
            *("auth_alpha", "circuit_breaker", "data_masking", "feature_flags", "idempotency", "kafka"),
            *("parameters", "streaming", "validation"),
        )
    ),
    "pydantic/mypy.py",
    "pydantic/v1",
    *("_yaml", "yaml/*.so", "yaml/cyaml.py"),
    "*.dist-info/sboms",
)
"""Parts of packages that no handler imports and that would weigh a sixth of the zip."""
_SHOWN: Final = {".css", ".js"}
"""What stays of them: the documentation page shows the OpenAPI document with Powertools' copy of Swagger UI."""
_IMPORTS: Final = """
import importlib, sys
for handler in sys.argv[1:]:
    try:
        importlib.import_module(handler)
    except Exception as error:
        print(f"{handler} cannot be imported: {error!r}", file=sys.stderr)
print(*sys.modules)
"""


class AssetError(Failure):
    """The asset cannot be built here, or must not be deployed as it is."""


def asset_hash(*, for_this_machine: bool) -> str:
    """What names the asset: its recipe, its requirements and every source, and here also what is installed."""
    digest = hashlib.sha256()
    for name, content in _recipe(for_this_machine=for_this_machine):
        digest.update(f"{len(name)}:{name}{len(content)}:".encode() + content)
    return digest.hexdigest()


def build_for_aws(folder: Path) -> str:
    """Fill a folder with what Lambda runs. Answers whether it is compiled, in words.

    Raises:
        AssetError: a wheel cannot be had or does not fit Lambda, or the zip is too large.
    """
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"),
        *("--target", str(folder), "--no-deps", "--no-compile", "--require-hashes", "--only-binary=:all:"),
        *("--implementation", "cp", "--python-version", ".".join(map(str, PYTHON)), "--platform", PLATFORM),
        *("--requirement", str(REQUIREMENTS)),
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - the command is this module's own
    if run.returncode != 0:
        remedy = "Building for AWS downloads wheels: see whether `pip download pydantic` works here."
        raise AssetError("The functions' requirements could not be downloaded.", remedy, run.stderr.strip())
    check_wheels(folder)
    _add_sources(folder)
    _tidy(folder)
    told = _compile(folder)
    if (size := zipped_size(folder)) > ZIP_LIMIT:
        remedy = "See which package grew, and leave it out or replace it."
        raise AssetError(f"The asset is {size:,} bytes zipped; {ZIP_LIMIT:,} is its limit.", remedy)
    return told


def build_for_this_machine(folder: Path) -> None:
    """Fill a folder with what the local cloud runs: copies of what is installed for this Python; nothing is downloaded.

    Raises:
        AssetError: a requirement is not installed.
    """
    for name, version in requirements():
        _copy_distribution(name, version, folder)
    _add_sources(folder)
    _tidy(folder)
    _compile_imported(folder)


def requirements() -> list[tuple[str, str]]:
    """The names and versions that the hashed file pins."""
    return re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", REQUIREMENTS.read_text(), flags=re.MULTILINE)


def check_wheels(folder: Path) -> None:
    """See from each package's own tags that it runs on Lambda.

    Raises:
        AssetError: one is built for another platform or another Python.
    """
    fitting = re.compile(
        rf"(py2\.)?py3-none-any|(cp{PYTHON[0]}{PYTHON[1]}-cp{PYTHON[0]}{PYTHON[1]}|cp3\d+-abi3)-manylinux\S*aarch64"
    )
    for wheel in sorted(folder.glob("*.dist-info/WHEEL")):
        tags = re.findall(r"^Tag: (\S+)", wheel.read_text(), flags=re.MULTILINE)
        if not any(fitting.fullmatch(tag) for tag in tags):
            raise AssetError(f"{wheel.parent.name} is built for {', '.join(tags)}, which Lambda does not run.")


def zipped_size(folder: Path) -> int:
    """How many bytes the folder takes as a zip."""
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.rglob("*")):
                archive.write(path, path.relative_to(folder))
        return file.tell()


def _recipe(*, for_this_machine: bool) -> Iterator[tuple[str, bytes]]:
    yield "recipe", Path(__file__).read_bytes()
    yield "requirements", REQUIREMENTS.read_bytes()
    if for_this_machine:
        installed = [f"{name}=={_distribution(name).version}" for name, _ in requirements()]
        yield "this machine", "\n".join([*map(str, sys.version_info[:2]), sys.platform, *installed]).encode()
    for path in _source_files():
        yield path.relative_to(PROJECT).as_posix(), path.read_bytes()


def _source_files() -> list[Path]:
    return sorted(
        path
        for source in SOURCES
        for path in (PROJECT / source).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    )


def _add_sources(folder: Path) -> None:
    for path in _source_files():
        _copy(path, folder / path.relative_to(PROJECT))


def _distribution(name: str) -> importlib.metadata.Distribution:
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError as error:
        remedy = "Install the project again: `.venv/bin/pip install -e '.[local]'`."
        raise AssetError(f"{name}, which the functions need, is not installed.", remedy) from error


def _copy_distribution(name: str, version: str, folder: Path) -> None:
    distribution = _distribution(name)
    if distribution.files is None:
        raise AssetError(f"What {name} {version} installed is not recorded.", f"Install {name} again with pip.")
    for file in distribution.files:
        if ".." not in file.parts and "__pycache__" not in file.parts:
            _copy(Path(str(file.locate())), folder / file)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _tidy(folder: Path) -> None:
    """Leave out what nothing imports and what differs from one machine to the next."""
    for part in [part for unused in _UNUSED for part in folder.glob(unused)]:
        for path in [path for path in (part, *part.rglob("*")) if path.is_file() and path.suffix not in _SHOWN]:
            path.unlink()
    for metadata in folder.glob("*.dist-info"):
        for name in _LEFT_OUT_OF_METADATA:
            (metadata / name).unlink(missing_ok=True)
        told = metadata / "METADATA"
        # The headers say which package and version it is; what follows the first empty line is its README.
        told.write_text(told.read_text(encoding="utf-8").partition("\n\n")[0] + "\n", encoding="utf-8")
    shutil.rmtree(folder / _PROGRAMS, ignore_errors=True)


def _compile(folder: Path) -> str:
    here = sys.version_info[:2]
    if here != PYTHON:
        return (
            f"not compiled: this is Python {here[0]}.{here[1]} and Lambda runs {PYTHON[0]}.{PYTHON[1]}, "
            "so cold starts take about twice as long"
        )
    _compile_imported(folder)
    return "compiled"


def _compile_imported(folder: Path) -> None:
    """Compile what the handlers import, for the rest would only weigh. A handler that cannot be imported is told of.

    Python trusts the result without looking at the time of the source, which a zip rounds.
    """
    run = subprocess.run(  # noqa: S603 - the command is this module's own
        [sys.executable, "-c", _IMPORTS, *_handlers()], cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=True
    )
    for module in run.stdout.split():
        path = folder / module.replace(".", "/")
        for source in (path.with_name(path.name + ".py"), path / "__init__.py"):
            if source.exists():
                _compile_one(source, source.relative_to(folder))


def _compile_one(source: Path, shown: Path) -> None:
    """Compile a module, and leave out its source, which would weigh as much again: a traceback names file and line."""
    py_compile.compile(
        str(source),
        str(source.with_suffix(".pyc")),
        dfile=shown.as_posix(),
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    source.unlink()


def _handlers() -> list[str]:
    return [f"functions.{path.parent.name}.handler" for path in sorted((PROJECT / "functions").glob("*/handler.py"))]
