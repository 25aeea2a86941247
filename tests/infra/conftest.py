from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.app import build
from infra.settings import Settings, read_settings
from tests.infra.template import Template

UNBUILT: dict[str, list[str]] = {"aws:cdk:bundling-stacks": []}
"""Synthesise without building the asset."""


@pytest.fixture(scope="session")
def synthesised(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Settings], Template]:
    """Synthesises an environment, under cdk-nag."""

    def synthesise(settings: Settings) -> Template:
        folder: Path = tmp_path_factory.mktemp(settings.environment)
        build(settings, context=UNBUILT, outdir=str(folder)).synth()
        stack = f"baton-{settings.environment}"
        return Template(
            json.loads((folder / f"{stack}.template.json").read_text()),
            json.loads((folder / f"{stack}.metadata.json").read_text()),
        )

    return synthesise


@pytest.fixture(scope="session")
def prod(synthesised: Callable[[Settings], Template]) -> Template:
    return synthesised(read_settings("prod"))


@pytest.fixture(scope="session")
def local(synthesised: Callable[[Settings], Template]) -> Template:
    return synthesised(read_settings("local"))
