"""One small asset, the same from every builder, that runs where it is meant to run."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from infra.asset import build
from infra.asset.build import (
    AssetError,
    asset_hash,
    build_for_aws,
    build_for_this_machine,
    check_wheels,
    requirements,
    zipped_size,
)

PROJECT = Path(__file__).resolve().parents[2]
BROUGHT_BY_THE_RUNTIME = ("boto3", "botocore", "s3transfer", "urllib3", "python-dateutil", "six")
NOBODY_ASKS = "dnspython"
HANDLERS = [f"functions.{path.parent.name}.handler" for path in sorted((PROJECT / "functions").glob("*/handler.py"))]


@pytest.fixture(scope="module")
def asset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The local asset, in a folder whose name has a space."""
    folder = tmp_path_factory.mktemp("the asset")
    build_for_this_machine(folder)
    return folder


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Lambda's Python has beside the standard library: boto3 and what boto3 needs."""
    folder = tmp_path_factory.mktemp("runtime")
    for name in BROUGHT_BY_THE_RUNTIME:
        distribution = importlib.metadata.distribution(name)
        tops = {file.parts[0] for file in distribution.files or () if file.parts[0] not in ("..", "__pycache__")}
        for top in tops:
            (folder / top).symlink_to(Path(str(distribution.locate_file(top))))
    return folder


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_handler_needs_nothing_but_the_asset_and_the_runtime(asset: Path, runtime: Path, handler: str) -> None:
    code = (
        f"import sys; sys.path[:0] = {[str(asset), str(runtime)]!r}; import {handler} as handler; "
        "assert callable(handler.lambda_handler); print(handler.__file__)"
    )
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", code], cwd="/", capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert Path(run.stdout.strip()).is_relative_to(asset)


@pytest.mark.parametrize(
    "code",
    [
        "from shared.adapters.crawlers import is_crawler; assert is_crawler('Googlebot/2.1')",
        "from shared.adapters.email_kinds import email_kind; assert email_kind('ada@gmail.com') == 'free'",
        "import aws_lambda_powertools.utilities.batch",
    ],
)
def test_what_is_imported_when_it_is_needed_needs_nothing_else_either(asset: Path, runtime: Path, code: str) -> None:
    whole = f"import sys; sys.path[:0] = {[str(asset), str(runtime)]!r}; {code}"
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", whole], cwd="/", capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


def test_every_function_has_a_handler_where_the_stack_looks_for_it() -> None:
    assert [h.split(".")[1] for h in HANDLERS] == sorted(p.parent.name for p in PROJECT.glob("functions/*/settings.py"))


def test_only_sources_of_functions_and_shared_go_in(asset: Path) -> None:
    own = {path.name for path in asset.iterdir()} & {path.name for path in PROJECT.iterdir()}
    assert own == {"functions", "shared"}


def test_nothing_that_differs_between_machines_goes_in(asset: Path) -> None:
    names = {path.name for path in asset.rglob("*")}
    assert names.isdisjoint({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "bin", ".lock"})
    assert not [p for p in asset.rglob("*") if p.is_file() and str(PROJECT).encode() in p.read_bytes()]


def test_what_handlers_import_is_compiled_and_trusted_without_its_time(asset: Path) -> None:
    compiled = list(asset.rglob("*.pyc"))
    assert [path for path in compiled if path.is_relative_to(asset / "shared")]
    for path in compiled:
        assert path.read_bytes()[4:8] == b"\x01\x00\x00\x00", f"{path} is checked against its source"


def test_what_a_package_tells_people_of_itself_stays_out(asset: Path) -> None:
    described = [path for path in asset.glob("*.dist-info/METADATA") if "\n\n" in path.read_text(encoding="utf-8")]
    assert described == []
    assert importlib.metadata.PathDistribution(next(asset.glob("pydantic-*.dist-info"))).version


def test_the_asset_is_named_by_its_content_and_not_by_where_it_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {kind: asset_hash(for_this_machine=kind) for kind in (True, False)}
    elsewhere = tmp_path / "else where"
    for source in build.SOURCES:
        shutil.copytree(PROJECT / source, elsewhere / source)
    monkeypatch.setattr(build, "PROJECT", elsewhere)
    assert {kind: asset_hash(for_this_machine=kind) for kind in (True, False)} == names
    (elsewhere / "shared" / "__init__.py").write_text('"""Another."""\n')
    assert all(asset_hash(for_this_machine=kind) != name for kind, name in names.items())


def test_what_python_compiled_beside_the_sources_does_not_rename_the_asset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for source in build.SOURCES:
        shutil.copytree(PROJECT / source, tmp_path / source, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(build, "PROJECT", tmp_path)
    before = asset_hash(for_this_machine=False)
    (tmp_path / "shared" / "__pycache__").mkdir()
    (tmp_path / "shared" / "__pycache__" / "x.cpython-311.pyc").write_bytes(b"compiled")
    assert asset_hash(for_this_machine=False) == before


def test_the_asset_for_aws_does_not_depend_on_what_is_installed_here(monkeypatch: pytest.MonkeyPatch) -> None:
    before = asset_hash(for_this_machine=False)
    monkeypatch.setattr(build, "_distribution", lambda name: pytest.fail(f"asked for {name}"))
    assert asset_hash(for_this_machine=False) == before


def test_a_wheel_for_another_platform_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thing-1.dist-info").mkdir()
    wheel = tmp_path / "thing-1.dist-info" / "WHEEL"
    for tag in ("py3-none-any", "cp314-cp314-manylinux2014_aarch64", "cp39-abi3-manylinux_2_17_aarch64"):
        wheel.write_text(f"Wheel-Version: 1.0\nTag: {tag}\n")
        check_wheels(tmp_path)
    for tag in (
        "cp314-cp314-manylinux2014_x86_64",
        "cp313-cp313-manylinux2014_aarch64",
        "cp314-cp314-macosx_11_0_arm64",
    ):
        wheel.write_text(f"Wheel-Version: 1.0\nTag: {tag}\n")
        with pytest.raises(AssetError, match="which Lambda does not run"):
            check_wheels(tmp_path)


def test_a_requirement_that_is_not_installed_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "requirements", lambda: [("no-such-package", "1.0")])
    with pytest.raises(AssetError, match="no-such-package") as caught:
        build_for_this_machine(tmp_path)
    assert "pip install" in caught.value.remedy


def test_the_requirements_are_those_of_the_project_pinned_and_hashed_and_name_no_registry() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    pinned = {canonicalize_name(name): version for name, version in requirements()}
    for requirement in map(Requirement, project["dependencies"]):
        if requirement.name not in BROUGHT_BY_THE_RUNTIME:
            assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), requirement
    text = build.REQUIREMENTS.read_text()
    assert "://" not in text
    assert text.count("==") == len(pinned)
    assert all("--hash=sha256:" in block for block in text.split("==")[1:])


def test_whatever_a_requirement_needs_is_pinned_too() -> None:
    pinned = {canonicalize_name(name) for name, _ in requirements()}
    for name in pinned:
        for line in importlib.metadata.distribution(name).requires or ():
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                known = pinned | {*BROUGHT_BY_THE_RUNTIME, NOBODY_ASKS}
                assert canonicalize_name(needed.name) in known, f"{name} needs {needed.name}"


@pytest.mark.network
def test_the_asset_for_aws_is_small_and_holds_wheels_for_lambda_alone(tmp_path: Path) -> None:
    told = build_for_aws(tmp_path)
    libraries = [path.name for path in tmp_path.rglob("*.so")]
    assert zipped_size(tmp_path) <= build.ZIP_LIMIT == 5 * 1024 * 1024
    assert not (tmp_path / "bin").exists()
    assert libraries
    assert all("cpython-314-aarch64-linux-gnu" in name for name in libraries)
    assert bool(list(tmp_path.rglob("*.pyc"))) == (sys.version_info[:2] == build.PYTHON) == (told == "compiled")


@pytest.mark.network
def test_compiled_the_asset_for_aws_is_small_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build_for_aws(tmp_path)
    monkeypatch.setattr(build, "PYTHON", sys.version_info[:2])
    assert build._compile(tmp_path) == "compiled"
    assert list(tmp_path.rglob("*.pyc"))
    assert zipped_size(tmp_path) <= build.ZIP_LIMIT
