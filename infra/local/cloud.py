"""The whole product on one machine: the emulator, the stack deployed into it, a sample website and a receiver."""

from __future__ import annotations

import hashlib
import secrets
import sys
from base64 import b64encode
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass
from email.utils import parseaddr
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import urllib3
import yaml
from botocore.exceptions import ClientError

from functions.ingest.settings import PublicWriteKey
from infra.cdk import APP, Cdk
from infra.cdk import VERSION as CDK_VERSION
from infra.deployed import LOCAL, Api, Deployed
from infra.failure import Failure
from infra.local.background import Background
from infra.local.emulator import ACCOUNT, REGION, Emulator, credentials
from infra.local.home import PROJECT, Home
from infra.local.ports import LOOPBACK, free_port, is_free
from infra.local.quiet import wait_for_quiet
from infra.local.receiver import INBOX_PATH, SLACK_PATH, WEBHOOK_PATH, Inbox, mails
from infra.secret_store import NeededSecret, SecretStore, needed_secrets
from infra.settings import ENVIRONMENTS, Settings, read_settings

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient
    from mypy_boto3_sesv2 import SESV2Client

USER = "you@baton.example"
"""The local user: an admin of the local user pool, whose password nobody needs to know."""

SITE_PORT = 8080
RECEIVER_PORT = 8090

_PATIENCE = 60
"""Seconds for what is under way to end before everything is stopped."""


class Progress(Protocol):
    """Shows that a step is under way; what it yields shows the step's latest news."""

    def __call__(self, title: str) -> AbstractContextManager[Callable[[str], None]]:
        """Show the step for as long as the context lasts."""
        ...


@dataclass(frozen=True)
class Whereabouts:
    """Where everything of a running local cloud is, for people and for scripts.

    `endpoint` and `region` are those of its AWS services, and `bus` is the name of its event bus.
    """

    api: str
    site: str
    docs: str
    write_key: str
    secret_key: str
    token: str
    inbox: str
    bus: str
    endpoint: str
    region: str

    def as_json(self) -> dict[str, str]:
        """The same as `baton status --json` prints it."""
        return asdict(self)


@dataclass(frozen=True)
class LocalCloud:
    """The local cloud of one home."""

    home: Home

    @property
    def emulator(self) -> Emulator:
        """The cloud itself."""
        return Emulator(self.home)

    @property
    def deployed(self) -> Deployed:
        """The stack in it."""
        return Deployed(LOCAL, self.home)

    @property
    def site(self) -> Background:
        """The sample website's process."""
        return Background(self.home, "site")

    @property
    def receiver(self) -> Background:
        """The receiver's process."""
        return Background(self.home, "receiver")

    def up(self, step: Progress) -> Whereabouts:
        """Start what does not run, deploy what has changed, and tell where everything is.

        Raises:
            Failure: a step failed; what has been started goes on running, and `up` can be tried again.
        """
        read_settings(LOCAL)  # What is wrong in the file that people write is told of that file, before all else.
        with self.home.alone():
            cdk = Cdk(self.home)
            if not cdk.is_installed:
                with step("Installing the CDK CLI, once"):
                    cdk.install()
            with step("Starting the local cloud"):
                self.emulator.start()
            settings = self._settings()
            known = self._store_secrets(settings)
            self._deploy(cdk, step)
            self._verify_sender(settings)
            with step("Signing in"):
                token = self._signed_in()
            with step("Starting the sample website and the receiver"):
                self._start_receiver(settings, known)
                self._start_site(settings)
            with step("Waiting until the API answers"):
                self._wait_for_api()
        return self._whereabouts(settings, token)

    def down(self, step: Progress) -> bool:
        """Stop everything, after what is under way has ended. Answers whether there was anything to stop.

        Raises:
            Failure: it is stopped, but had to be ended by force, or before what was under way had ended.
        """
        with self.home.alone():
            processes = [self.site, self.receiver, self.emulator.process]
            if not any(process.is_alive() for process in processes):
                return False
            self.site.stop(seconds=5)
            is_quiet = True
            if self.emulator.process.is_alive():
                with step("Waiting until what is under way has ended"):
                    is_quiet = wait_for_quiet(self.emulator, seconds=_PATIENCE)
                Inbox(self._inbox_folder).keep_mails(mails(self.emulator.endpoint))
                with step("Stopping the local cloud"):
                    if not self.emulator.stop():
                        what = "The local cloud had to be ended by force: what came since its last start is lost."
                        raise Failure(what, "Nothing more to do. `baton up` starts from what was kept before.")
            self.receiver.stop(seconds=5)
            if not is_quiet:
                what = f"It is stopped, but something was still under way after {_PATIENCE} s and is not finished."
                raise Failure(what, "A newly published rule file makes every lead's score anew from the log.")
            return True

    @property
    def settings(self) -> Settings:
        """The settings of what is deployed in it.

        Raises:
            Failure: it does not run.
        """
        _ = self.emulator.endpoint
        return read_settings(LOCAL, self._settings_file)

    def whereabouts(self) -> Whereabouts:
        """Where everything is, with a fresh token.

        Raises:
            Failure: it does not run, or not all of it.
        """
        settings = self.settings
        for process in (self.site, self.receiver):
            if not process.is_alive():
                raise Failure(f"The {process.name} is not running.", "Run `baton up`: it starts what is missing.")
        return self._whereabouts(settings, self._signed_in())

    def api(self) -> Api:
        """The API for the local user, signed in afresh."""
        return Api(self.deployed.api, self._signed_in())

    def inbox(self) -> dict[str, list[dict[str, Any]]]:
        """What has arrived: `webhooks`, `slack`, `emails`, and what was `refused` for its signature."""
        held: dict[str, list[dict[str, Any]]] = urllib3.request(
            "GET", self._receiver_url + INBOX_PATH, timeout=10
        ).json()
        return held

    def _whereabouts(self, settings: Settings, token: str) -> Whereabouts:
        api = self.deployed.api
        return Whereabouts(
            api=api,
            site=f"http://{LOOPBACK}:{self.site.port}",
            docs=f"{api}/docs",
            write_key=_public_key(settings).key,
            secret_key=self._kept_secret(next(s for s in needed_secrets(settings) if s.purpose == "write_key")),
            token=token,
            inbox=self._receiver_url + INBOX_PATH,
            bus=self.deployed.outputs["BusName"],
            endpoint=self.emulator.endpoint,
            region=REGION,
        )

    @property
    def _settings_file(self) -> Path:
        return self.home.root / "settings.yaml"

    @property
    def _inbox_folder(self) -> Path:
        return self.home.root / "inbox"

    @property
    def _receiver_url(self) -> str:
        return f"http://{LOOPBACK}:{self.receiver.port}"

    def _settings(self) -> Settings:
        """The local settings with this machine's ports, written where the deployment reads them."""
        ports = self.home.read("ports.json")
        site, receiver = ports.get("site"), ports.get("receiver")
        if not self.site.is_alive():
            site = free_port(site, SITE_PORT)
        if not self.receiver.is_alive():
            receiver = free_port(receiver, RECEIVER_PORT)
        self.home.write("ports.json", {"site": site, "receiver": receiver})
        document = yaml.safe_load((ENVIRONMENTS / f"{LOCAL}.yaml").read_text(encoding="utf-8"))
        own = [f"http://{host}:{site}" for host in (LOOPBACK, "localhost")]
        document["api_address"] = f"{self.emulator.endpoint}/_aws/execute-api/{{api}}/$default"
        document["origins"] = list(dict.fromkeys([*own, *document.get("origins", ())]))
        for team in document["teams"].values():
            if "webhook" in team:
                team["webhook"]["url"] = f"http://{LOOPBACK}:{receiver}{WEBHOOK_PATH}"
        self.home.write_text(self._settings_file.name, yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
        return read_settings(LOCAL, self._settings_file)

    def _store_secrets(self, settings: Settings) -> dict[str, str]:
        """Put the secrets that the settings name into the local cloud; answers them by their purpose's name."""
        store = SecretStore(self.deployed)
        kept = {secret.name: self._kept_secret(secret) for secret in needed_secrets(settings)}
        for name, text in kept.items():
            store.put(name, text)
        return kept

    def _kept_secret(self, secret: NeededSecret) -> str:
        """The text of a secret, made up the first time. Slack's is the address of the receiver's look-alike."""
        if secret.purpose == "slack":
            port = self.home.read("ports.json")["receiver"]
            return f"http://{LOOPBACK}:{port}{SLACK_PATH}/{secret.name}"
        return self._kept(secret.name, _signing_secret if secret.purpose == "webhook" else secrets.token_urlsafe)

    def _kept(self, name: str, make: Callable[[], str]) -> str:
        kept = self.home.read("secrets.json")
        if name not in kept:
            kept[name] = make()
            self.home.write("secrets.json", kept)
        return str(kept[name])

    def _deploy(self, cdk: Cdk, step: Progress) -> None:
        environment = {**_without_aws_settings(), **credentials(), "AWS_ENDPOINT_URL": self.emulator.endpoint}
        if not self._stack_id("CDKToolkit"):
            with step("Preparing the local cloud for deployments, once") as tell:
                self._cdk(cdk, ["bootstrap", f"aws://{ACCOUNT}/{REGION}"], environment, tell, self.home.root)
        tools = f"{sys.version} {CDK_VERSION} {version('aws-cdk-lib')} {self._settings_file.read_text()}"
        sources = (PROJECT / name for name in ("infra", "functions", "shared"))
        inputs = {"stack": self._stack_id(), "inputs": _digest(*sources, tools=tools)}
        if inputs["stack"] and self.home.read("deployed.json") == inputs:
            return
        with step("Deploying the stack") as tell:
            options = ["--require-approval", "never", "--output", str(self.home.root / "cdk.out")]
            context = ["--context", f"environment={LOCAL}", "--context", f"settings={self._settings_file}"]
            self._cdk(cdk, ["deploy", "--all", *options, *context], environment, tell)
            self._apply_cors()
        self.home.write("deployed.json", {**inputs, "stack": self._stack_id()})

    def _cdk(
        self,
        cdk: Cdk,
        arguments: list[str],
        environment: dict[str, str],
        tell: Callable[[str], None],
        folder: Path = APP,
    ) -> None:
        printed: list[str] = []

        def hear(line: str) -> None:
            printed.append(line)
            tell(line)

        status = cdk.run([*arguments, "--ci", "--no-color", "--no-notices"], environment, hear, folder)
        log = self.home.folder("logs") / f"cdk-{arguments[0]}.log"
        log.write_text("\n".join(printed) + "\n")
        if status:
            what = f"`cdk {arguments[0]}` failed in the local cloud."
            raise Failure(what, f"All that it printed is in {log}.", "\n".join(printed[-25:]))

    def _stack_id(self, name: str | None = None) -> str | None:
        """The id of a stack in the local cloud, by default Baton's; None when it is not there."""
        formation: CloudFormationClient = self.deployed.client("cloudformation")
        try:
            return formation.describe_stacks(StackName=name or self.deployed.stack)["Stacks"][0]["StackId"]
        except ClientError:
            return None

    def _apply_cors(self) -> None:
        """Give the API the cross-origin rules of its template, which the emulator's CloudFormation passes by."""
        formation: CloudFormationClient = self.deployed.client("cloudformation")
        template: Any = formation.get_template(StackName=self.deployed.stack)["TemplateBody"]
        if isinstance(template, str):
            template = yaml.safe_load(template)
        rules = [
            resource["Properties"].get("CorsConfiguration")
            for resource in template["Resources"].values()
            if resource["Type"] == "AWS::ApiGatewayV2::Api"
        ]
        number = self.deployed.api.split("/_aws/execute-api/")[1].partition("/")[0]
        if rules and rules[0]:
            self.deployed.client("apigatewayv2").update_api(ApiId=number, CorsConfiguration=rules[0])

    def _verify_sender(self, settings: Settings) -> None:
        """Let the sender's address send, as somebody does once in an AWS account by answering SES's mail."""
        mail: SESV2Client = self.deployed.client("sesv2")
        if settings.email_from:
            with suppress(mail.exceptions.AlreadyExistsException):
                mail.create_email_identity(EmailIdentity=parseaddr(settings.email_from)[1])

    def _signed_in(self) -> str:
        """A token of the local user, who is made on the first call."""
        pool: CognitoIdentityProviderClient = self.deployed.client("cognito-idp")
        number = self.deployed.outputs["UserPoolId"]
        password = self._kept("password", lambda: f"Local-1-{secrets.token_urlsafe(16)}")
        try:
            pool.admin_get_user(UserPoolId=number, Username=USER)
        except ClientError:
            claims = [{"Name": "email", "Value": USER}, {"Name": "email_verified", "Value": "true"}]
            pool.admin_create_user(
                UserPoolId=number,
                Username=USER,
                MessageAction="SUPPRESS",
                UserAttributes=claims,  # type: ignore[arg-type]
            )
            pool.admin_set_user_password(UserPoolId=number, Username=USER, Password=password, Permanent=True)
            pool.admin_add_user_to_group(UserPoolId=number, Username=USER, GroupName="admin")
        return self.deployed.sign_in(USER, password)

    def _start_receiver(self, settings: Settings, known: dict[str, str]) -> None:
        signing = next(s for s in needed_secrets(settings) if s.purpose == "webhook")
        secret_file = self.home.write_text("webhook-secret", known[signing.name])
        options = {
            "--port": str(self.home.read("ports.json")["receiver"]),
            "--inbox": str(self._inbox_folder),
            "--endpoint": self.emulator.endpoint,
            "--secret-file": str(secret_file),
        }
        self._start(self.receiver, "infra.local.receiver", options, INBOX_PATH)

    def _start_site(self, settings: Settings) -> None:
        port = self.home.read("ports.json")["site"]
        options = {
            "--port": str(port),
            "--api": self.deployed.api,
            "--write-key": _public_key(settings).key,
            "--origin": f"http://{LOOPBACK}:{port}",
        }
        self._start(self.site, "infra.local.site.server", options, "/")

    def _start(self, process: Background, module: str, options: dict[str, str], asked: str) -> None:
        """Start a helper process, anew if it runs with other options or from older sources."""
        remembered = f"{process.name}-options.json"
        made_of = {**options, "sources": _digest(PROJECT / "infra" / "local")}
        if process.is_alive() and self.home.read(remembered) == made_of:
            return
        process.stop(seconds=5)
        self.home.write(remembered, made_of)
        words = [word for pair in options.items() for word in pair]
        port = int(options["--port"])
        if not is_free(port):
            what = f"Port {port} was taken by another program before the {process.name} could start."
            raise Failure(what, "Run `baton up` again: it takes another port.")
        environment = {"PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1", "LANG": "C.UTF-8"}
        process.start([sys.executable, "-m", module, *words], port, environment, PROJECT)
        process.wait_until(lambda: _answers(f"http://{LOOPBACK}:{port}{asked}"), seconds=15)

    def _wait_for_api(self) -> None:
        """Ask for the API's health until its functions are warm.

        Raises:
            Failure: it does not become healthy.
        """
        url = f"{self.deployed.api}/health"
        try:
            answer = urllib3.request("GET", url, timeout=60)
        except urllib3.exceptions.HTTPError as error:
            raise Failure("The API does not answer.", f"See {self.emulator.process.log}.", str(error)) from error
        if answer.status >= 400:  # noqa: PLR2004 - where HTTP's refusals begin
            what = f"The API answers {answer.status} to {url}."
            raise Failure(what, "See `baton logs admin`.", answer.data.decode(errors="replace")[:1000])


def _digest(*folders: Path, tools: str = "") -> str:
    """What follows from every file in some folders, and from the tools that are used on them."""
    digest = hashlib.sha256(tools.encode())
    for path in sorted(path for folder in folders for path in folder.rglob("*") if _is_source(path)):
        digest.update(f"{path.relative_to(PROJECT)}\n".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _is_source(path: Path) -> bool:
    return path.is_file() and path.suffix != ".pyc" and "__pycache__" not in path.parts


def _public_key(settings: Settings) -> PublicWriteKey:
    found = [key for key in settings.write_keys if isinstance(key, PublicWriteKey)]
    if not found:
        raise Failure("The local settings have no public write key.", f"Add one to {ENVIRONMENTS / 'local.yaml'}.")
    return found[0]


def _signing_secret() -> str:
    return "whsec_" + b64encode(secrets.token_bytes(24)).decode()


def _without_aws_settings() -> dict[str, str]:
    """Empty values for what would lead the CDK CLI to somebody's account instead of the local cloud."""
    return dict.fromkeys(("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN"), "")


def _answers(url: str) -> bool:
    try:
        return urllib3.request("GET", url, retries=False, timeout=5).status < 500  # noqa: PLR2004 - HTTP's faults
    except urllib3.exceptions.HTTPError:
        return False
