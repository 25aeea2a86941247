"""The import arrows: handler → use case → {domain, ports}; adapters → {ports, domain}; run time never imports infra."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

MAY_IMPORT = {
    "shared.domain": {"shared.domain"},
    "shared.ports": {"shared.ports", "shared.domain"},
    "shared.usecases": {"shared.usecases", "shared.ports", "shared.domain"},
    "shared.adapters": {"shared.adapters", "shared.ports", "shared.domain"},
    "functions": {"shared.usecases", "shared.adapters", "shared.ports", "shared.domain"},
}
DOMAIN_THIRD_PARTY = {"pydantic", "pydantic_core", "annotated_types", "typing_extensions"}


def modules(package):
    return sorted((ROOT / package.replace(".", "/")).rglob("*.py"))


def imports(path):
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module, f"{path} imports relatively"
            assert not node.level, f"{path} imports relatively"
            found.add(node.module)
    return found


def layer(module):
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "shared" else parts[0]


def own(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_each_layer_imports_only_what_lies_below_it(package):
    paths = modules(package)
    assert paths
    for path in paths:
        project = {name for name in imports(path) if name.split(".")[0] in {"shared", "functions", "infra", "tests"}}
        if package == "functions":
            verb = ".".join(own(path).split(".")[:2])
            project = {name for name in project if not name.startswith(verb)}
        wrong = {name for name in project if layer(name) not in MAY_IMPORT[package]}
        assert not wrong, f"{path.relative_to(ROOT)} imports {sorted(wrong)}"


def test_the_domain_needs_the_standard_library_and_pydantic_alone():
    for path in modules("shared.domain"):
        foreign = {name.split(".")[0] for name in imports(path)} - set(sys.stdlib_module_names) - {"shared"}
        assert foreign <= DOMAIN_THIRD_PARTY, f"{path.relative_to(ROOT)} imports {sorted(foreign)}"


def test_the_domain_asks_for_no_time_and_no_environment():
    for path in modules("shared.domain"):
        asked = imports(path) & {"os", "time", "random", "uuid", "secrets", "socket", "pathlib"}
        assert not asked, f"{path.relative_to(ROOT)} imports {sorted(asked)}"


def test_the_ports_know_no_technology():
    for path in [*modules("shared.ports"), *modules("shared.usecases")]:
        foreign = {name.split(".")[0] for name in imports(path)} - set(sys.stdlib_module_names) - {"shared"}
        assert not foreign & {"boto3", "botocore", "aws_lambda_powertools", "urllib3"}, path.relative_to(ROOT)


def test_the_domain_loads_without_boto3():
    names = [own(path) for path in modules("shared.domain")]
    code = (
        "import sys, importlib\n"
        f"for name in {names}: importlib.import_module(name)\n"
        "loaded = {'boto3', 'botocore', 'aws_lambda_powertools', 'yaml'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("package", ["shared", "functions"])
def test_importing_a_module_opens_nothing_and_reads_no_settings(package):
    names = [own(path) for path in modules(package)]
    code = (
        "import os, socket, importlib\n"
        "def refuse(*args, **rest): raise AssertionError('a socket was opened')\n"
        "socket.socket.connect = refuse\n"
        "for name in ('AWS_DEFAULT_REGION', 'AWS_REGION', 'LEADS_TABLE'): os.environ.pop(name, None)\n"
        f"for name in {names}: importlib.import_module(name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_handler_fits_on_two_screens():
    for path in (ROOT / "functions").glob("*/handler.py"):
        lines = len(path.read_text().splitlines())
        assert lines <= 150, f"{path.relative_to(ROOT)} has {lines} lines"


def test_there_is_no_drawer_for_odds_and_ends():
    names = {path.stem for path in ROOT.glob("[fsi]*/**/*.py")}
    assert not names & {"utils", "helpers", "common", "misc", "util"}


def test_the_top_level_holds_what_was_agreed():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    top = {line.split("/")[0] for line in tracked.stdout.splitlines()}
    agreed = {"pyproject.toml", "README.md", "LICENSE", "functions", "infra", "shared", "tests", "events"}
    assert {name for name in top if not name.startswith(".")} <= agreed


def test_no_tracked_file_names_a_registry():
    hosts = ["py" + "pi.org", "python" + "hosted.org", "registry." + "npmjs", "npm" + "js.org", "deb." + "debian"]
    found = subprocess.run(
        ["git", "grep", "-nIE", "|".join(host.replace(".", r"\.") for host in hosts)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout == ""
