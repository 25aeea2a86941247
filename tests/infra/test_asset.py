"""One small asset, the same from every builder, that runs where it is meant to run."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

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
from shared.adapters.environment import FunctionSettings

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


class Answers(BaseHTTPRequestHandler):
    """What AWS's services answer while nothing is stored in them and all is taken."""

    SAID: ClassVar[dict[str, object]] = {
        "Items": [],
        "Count": 0,
        "Successful": [],
        "Failed": [],
        "FailedEntryCount": 0,
        "Parameter": {"Value": "s" * 43},
    }

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        entries = [{"EventId": "1"} for _ in asked.get("Entries", ())]
        of_queue = self.headers["x-amz-target"].startswith("AmazonSQS")
        attributes = {"ApproximateNumberOfMessages": "0"} if of_queue else {"taken": {"N": "1"}}
        said = json.dumps({**self.SAID, "Entries": entries, "Attributes": attributes}).encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def services() -> Iterator[str]:
    """Where AWS's services are."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


WRITE_KEYS = [{"kind": "public", "name": "site", "key": "pk_website", "activities": ["page_viewed"]}]


def environment(function: str, services: str) -> dict[str, str]:
    """What a function is told, which needs no more than to be readable."""
    settings: type[FunctionSettings] = importlib.import_module(f"functions.{function}.settings").Settings
    required = [name for name, field in settings.model_fields.items() if field.is_required()]
    texts = {name: f"{services}/000000000000/{name}" if name.endswith("_url") else name for name in required}
    told = {**texts, "write_keys": json.dumps(WRITE_KEYS), "teams": "{}", "approvals": "[]"}
    return {
        **{name.upper(): told[name] for name in required},
        "AWS_ENDPOINT_URL": services,
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }


OF_STREAMS = {"evaluate": "stream_scores", "relay": "stream_outbox", "score": "stream_activities"}
OF_SCHEDULES = {"reconcile": "schedule_due_sweep", "rescore": "schedule_due_sweep"}
OF_HTTP = {"admin": "http_list_leads", "answer": "http_show_page", "ingest": "http_page"}


def events(function: str) -> list[Path]:
    """An event of every kind that a function gets."""
    kinds = (f"queue_{function}", *(kind[function] for kind in (OF_STREAMS, OF_SCHEDULES, OF_HTTP) if function in kind))
    return [path for kind in kinds if (path := PROJECT / "events" / f"{kind}.json").exists()]


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_handler_needs_nothing_but_the_asset_and_the_runtime(
    asset: Path, runtime: Path, services: str, handler: str
) -> None:
    """Nor does what it does with its events: the want of what is imported late passes for a fault of the message."""
    function = handler.split(".")[1]
    assert events(function)
    code = (
        f"import json, sys; sys.path[:0] = {[str(asset), str(runtime)]!r}; import {handler} as handler\n"
        "class Context:\n"
        "    def get_remaining_time_in_millis(self): return 60_000\n"
        f"for path in {[str(path) for path in events(function)]!r}:\n"
        "    print('answer:', json.dumps(handler.lambda_handler(json.load(open(path)), Context())))\n"
        "print(handler.__file__)"
    )
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", code],
        cwd="/",
        env=environment(function, services),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("answer: ") == len(events(function))
    assert Path(run.stdout.splitlines()[-1]).is_relative_to(asset)
    assert '"statusCode": 500' not in run.stdout
    for want in ("ImportError", "ModuleNotFoundError"):
        assert want not in run.stdout + run.stderr, run.stdout + run.stderr


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
