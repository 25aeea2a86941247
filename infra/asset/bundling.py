"""Hands the asset to CDK, which builds it only for stacks that are deployed and only when its hash is new."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import jsii
from aws_cdk import AssetHashType, BundlingOptions, DockerImage, ILocalBundling
from aws_cdk import aws_lambda as lambda_

from infra.asset.build import asset_hash, build_for_aws, build_for_this_machine
from infra.failure import Failure


def code(*, for_this_machine: bool) -> lambda_.Code:
    """The one asset of all functions, named by a hash that is the same wherever it is built."""
    return lambda_.Code.from_asset(
        str(Path(__file__).parent),
        asset_hash=asset_hash(for_this_machine=for_this_machine),
        asset_hash_type=AssetHashType.CUSTOM,
        bundling=BundlingOptions(
            image=DockerImage.from_registry("none"), local=_Bundling(for_this_machine=for_this_machine)
        ),
    )


@jsii.implements(ILocalBundling)
class _Bundling:
    def __init__(self, *, for_this_machine: bool) -> None:
        self._for_this_machine = for_this_machine

    def try_bundle(self, output_dir: str, *_: Any, **__: Any) -> bool:
        """Build into the folder that CDK gives; always True, for there is no other way to build it."""
        folder = Path(output_dir)
        try:
            if self._for_this_machine:
                build_for_this_machine(folder)
            else:
                sys.stderr.write(f"The functions' asset is {build_for_aws(folder)}.\n")
        except Failure as failure:
            sys.stderr.write("\n".join(filter(None, [failure.what, failure.details, failure.remedy])) + "\n")
            raise
        return True
