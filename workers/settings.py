"""What the environment says. Every variable is listed here, with its default and its bounds.

What is not set is embedded (`workers.embedded`): no DATABASE_URL, a PostgreSQL of ours; no TEMPORAL_*, a
Temporal of ours; no JIRA_URL or PAGER_URL, the local stand-ins.
"""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.core.failures import NotUsable
from workers.addresses import DatabaseAddress, IncidentPage, Origin, Origins, TicketPage, WebAddress
from workers.run_file import read_running


class SettingsError(NotUsable):
    """The environment cannot be used. The message is one line: the variable, and what it must be."""


class Settings(BaseSettings):
    """The settings of one process. Empty variables count as unset; no secret shows in a repr or an error."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,
        str_strip_whitespace=True,
    )

    database_url: DatabaseAddress | None = Field(
        None,
        alias="DATABASE_URL",
        max_length=2000,
        repr=False,  # it may hold a password
        description="a PostgreSQL address such as postgresql://user:password@host:5432/tierline",
    )
    jira_url: WebAddress | None = Field(
        None, alias="JIRA_URL", max_length=500, description="an address such as https://example.atlassian.net"
    )
    jira_api_url: WebAddress | None = Field(
        None,
        alias="JIRA_API_URL",
        max_length=500,
        description="where calls to Jira go, if the token has scopes: https://api.atlassian.com/ex/jira/<cloudId>; "
        "JIRA_URL stays the address for people",
    )
    jira_email: str | None = Field(
        None, alias="JIRA_EMAIL", max_length=320, description="the account that files the issues"
    )
    jira_api_token: SecretStr | None = Field(
        None, alias="JIRA_API_TOKEN", max_length=2000, description="that account's API token"
    )
    jira_project: str = Field(
        "SUP",
        alias="JIRA_PROJECT",
        pattern=r"^[A-Z][A-Z0-9_]{1,19}$",
        description="the key of the Jira project that takes the bugs, such as SUP",
    )
    jira_webhook_secret: SecretStr | None = Field(
        None,
        alias="JIRA_WEBHOOK_SECRET",
        min_length=16,
        max_length=500,
        description="the secret of the webhook in Jira's settings, 16 characters or more; two with a comma while one "
        "is replaced; unset, Jira's webhooks are not taken, and engineering's answers are found by the sweep",
    )
    jira_rate: float = Field(
        5.0,
        alias="TIERLINE_JIRA_RATE",
        ge=0.1,
        le=100,
        description="Jira calls per second of all workers together, from 0.1 to 100",
    )
    jira_sweep: float = Field(
        60.0,
        alias="TIERLINE_JIRA_SWEEP",
        ge=1,  # Temporal's own limit of a schedule
        le=86_400,
        description="how often engineering's answers are looked for, in seconds, from 1 to 86400",
    )
    reconcile: float = Field(
        3600.0,
        alias="TIERLINE_RECONCILE",
        ge=60,
        le=86_400,
        description="how often the journal is compared with Temporal, in seconds, from 60 to 86400",
    )
    pager_url: WebAddress | None = Field(
        None, alias="PAGER_URL", max_length=500, description="an address such as https://events.example.com"
    )
    pager_kind: Literal["pagerduty", "webhook"] = Field(
        "pagerduty",
        alias="PAGER_KIND",
        description="what takes pages: pagerduty, or webhook for any other pager (signed, Standard Webhooks)",
    )
    pager_routing_key: SecretStr | None = Field(
        None,
        alias="PAGER_ROUTING_KEY",
        max_length=500,
        description="the pager service's routing key; several, separated by commas, are one for each level",
    )
    pager_secret: SecretStr | None = Field(
        None, alias="PAGER_SECRET", max_length=500, description="the secret that signs pages, of PAGER_KIND=webhook"
    )
    pager_webhook_secrets: SecretStr | None = Field(
        None,
        alias="PAGER_WEBHOOK_SECRETS",
        max_length=2000,
        description="what the pager signs its own webhooks with; several are separated by commas",
    )
    pager_api_token: SecretStr | None = Field(
        None,
        alias="PAGER_API_TOKEN",
        max_length=500,
        description="a read-only token of PagerDuty's REST API, which says what a page is whose title somebody has "
        "changed; unset, nothing does",
    )
    pager_api_url: WebAddress = Field(
        "https://api.pagerduty.com",
        alias="PAGER_API_URL",
        max_length=500,
        description="the address of that API; in the EU region https://api.eu.pagerduty.com",
    )
    second_url: WebAddress | None = Field(
        None,
        alias="SECOND_URL",
        max_length=500,
        description="the webhook that takes pages which the pager does not; unset, the incident room does",
    )
    second_secret: SecretStr | None = Field(
        None, alias="SECOND_SECRET", max_length=500, description="the secret that signs those pages"
    )
    room_url: SecretStr | None = Field(
        None,
        alias="ROOM_URL",
        max_length=1000,
        description="the incoming webhook of the chat room for incidents; its address is a secret",
    )
    notice_url: WebAddress | None = Field(
        None,
        alias="NOTICE_URL",
        max_length=500,
        description="the webhook that takes notices, an http(s) address",
    )
    notice_secret: SecretStr | None = Field(
        None, alias="NOTICE_SECRET", max_length=500, description="the secret that signs the notices"
    )
    notice_chat_rooms: SecretStr | None = Field(
        None,
        alias="NOTICE_CHAT_ROOMS",
        max_length=100_000,
        description="the incoming webhooks of chat rooms that take notices, by person, part or * for all others: "
        '{"lead": "https://hooks.example.com/...", "*": "https://..."}; or @ and the path of a file that holds them',
    )
    notice_addresses: SecretStr | None = Field(
        None,
        alias="NOTICE_ADDRESSES",
        max_length=1_000_000,
        description="e-mail addresses for notices, by person, part or * for all others of ours, customers as "
        'customer:ACCOUNT: {"lead": "leads@example.com", "customer:acme": "it@acme.example"}; or @ and a path',
    )
    smtp_host: str | None = Field(
        None, alias="SMTP_HOST", max_length=255, description="the mail server that sends notices by e-mail"
    )
    smtp_port: int = Field(587, alias="SMTP_PORT", ge=1, le=65535, description="its port")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls",
        alias="SMTP_SECURITY",
        description="how the connection is encrypted: starttls, tls (port 465), or none, for a server on this machine",
    )
    smtp_user: str | None = Field(None, alias="SMTP_USER", max_length=320, description="whom we sign in as there")
    smtp_password: SecretStr | None = Field(
        None, alias="SMTP_PASSWORD", max_length=1000, description="the password that goes with it"
    )
    smtp_from: str | None = Field(
        None, alias="SMTP_FROM", max_length=320, description="the address that notices come from"
    )
    billing_url: WebAddress | None = Field(
        None,
        alias="BILLING_URL",
        max_length=500,
        description="the webhook of billing that takes approved credits (docs/credits.md); unset, nothing is sent",
    )
    billing_secret: SecretStr | None = Field(
        None, alias="BILLING_SECRET", max_length=500, description="the secret that signs those webhooks"
    )
    survey_url: WebAddress | None = Field(
        None,
        alias="SURVEY_URL",
        max_length=500,
        description="where customers reach the API's pages, such as https://support.example.com: the links of surveys "
        "begin with it; unset, the survey is a notice without a link",
    )
    survey_secret: SecretStr | None = Field(
        None,
        alias="SURVEY_SECRET",
        max_length=1000,
        description="the secret that signs the links of surveys, 32 characters or more; two with a comma while one is "
        "replaced, the new one first",
    )
    policy: Path | None = Field(
        None, alias="TIERLINE_POLICY", description="a readable policy file; unset, the default policy"
    )
    speed: int = Field(
        1,
        alias="TIERLINE_SPEED",
        ge=1,
        le=3600,
        description="how many times faster than the policy says; 60 makes minutes of seconds, for a demo",
    )
    cached_workflows: int = Field(
        3000,
        alias="TIERLINE_CACHED_WORKFLOWS",
        ge=0,
        le=1_000_000,
        description="how many tickets and incidents a worker keeps in memory; the history of any other is read anew "
        "for whatever happens to it, so have more than are open and busy",
    )
    home: Path = Field(
        Path(".tierline"),
        alias="TIERLINE_HOME",
        description="the folder that keeps the data of the embedded servers and their logs",
    )
    temporal_port: int = Field(
        7233,
        alias="TIERLINE_TEMPORAL_PORT",
        ge=0,
        le=65535,
        description="the embedded Temporal's port; 0: any free one",
    )
    ui_port: int = Field(
        8233, alias="TIERLINE_UI_PORT", ge=0, le=65535, description="the port of its UI; 0: any free one"
    )
    standin_port: int = Field(
        8090,
        alias="TIERLINE_STANDIN_PORT",
        ge=0,
        le=65533,
        description="the first of three ports for the stand-ins of Jira, pager and notices; 0: any free ones",
    )
    ticket_url: TicketPage | None = Field(
        None,
        alias="TIERLINE_TICKET_URL",
        max_length=500,
        description="where a person finds a ticket, such as https://support.example.com/desk/tickets/{ticket}; unset, "
        "issues, pages and notices name tickets and lead to none",
    )
    incident_url: IncidentPage | None = Field(
        None,
        alias="TIERLINE_INCIDENT_URL",
        max_length=500,
        description="where a person finds an incident, such as https://support.example.com/desk/incidents/"
        "{incident}; unset, issues, pages and notices name incidents and lead to none",
    )
    api_host: str = Field(
        "127.0.0.1",
        alias="TIERLINE_API_HOST",
        max_length=255,
        description="the address that the API listens at: 0.0.0.0 is every one of this machine",
    )
    api_port: int = Field(8080, alias="TIERLINE_API_PORT", ge=0, le=65535, description="its port; 0: any free one")
    api_origin: Origin | None = Field(
        None,
        alias="TIERLINE_API_ORIGIN",
        max_length=500,
        description="the one origin whose pages may call the API, such as https://support.example.com; unset, none may",
    )
    desk_frame_ancestors: Origins | None = Field(
        None,
        alias="TIERLINE_DESK_FRAME_ANCESTORS",
        max_length=2000,
        description="the origins, with commas, whose pages may frame the card of a ticket, such as "
        "https://example.zendesk.com; unset, none may",
    )
    help_centre: bool = Field(
        False,
        alias="TIERLINE_HELP_CENTRE",
        description="true: the API serves the help centre at /help, for everybody, and takes tickets from visitors",
    )
    help_style: Path | None = Field(
        None,
        alias="TIERLINE_HELP_STYLE",
        description="a CSS file with which the help centre looks like yours, behind its own",
    )
    api_proxies: str = Field(
        "127.0.0.1",
        alias="TIERLINE_API_PROXIES",
        max_length=1000,
        description="the addresses of the proxies whose X-Forwarded-For and -Proto are believed, with commas",
    )
    api_rate: float = Field(
        50.0,
        alias="TIERLINE_API_RATE",
        ge=0.1,
        le=100_000,
        description="requests per second that one token may make at each API process, after a burst of ten seconds' "
        "worth",
    )
    api_log_requests: bool = Field(
        False,
        alias="TIERLINE_API_LOG_REQUESTS",
        description="whether the API logs a line for each request: its id, method, endpoint, status and seconds",
    )
    api_url: WebAddress | None = Field(
        None,
        alias="TIERLINE_API_URL",
        max_length=500,
        description="where an API is that this command uses instead of database and Temporal, an http(s) address",
    )
    token: SecretStr | None = Field(
        None,
        alias="TIERLINE_TOKEN",
        max_length=200,
        description="the token to use there, as `tierline token create` shows it",
    )
    openid_issuer: str | None = Field(
        None,
        alias="OPENID_ISSUER",
        max_length=500,
        description="the identity provider that people sign in to the desk with, as it spells its own name: "
        "https://id.example.com; unset, people sign in by tokens only",
    )
    openid_client_id: str | None = Field(
        None, alias="OPENID_CLIENT_ID", max_length=500, description="what that provider knows Tierline by"
    )
    openid_client_secret: SecretStr | None = Field(
        None, alias="OPENID_CLIENT_SECRET", max_length=2000, description="the secret that goes with it"
    )
    openid_scopes: str = Field(
        "openid profile email",
        alias="OPENID_SCOPES",
        max_length=500,
        description="what is asked of the provider, with blanks between, openid first",
    )
    openid_name_claim: str = Field(
        "preferred_username",
        alias="OPENID_NAME_CLAIM",
        max_length=200,
        description="the claim that is a person's name in events: one of its own for each, which they cannot change",
    )
    openid_roles_claim: str = Field(
        "groups",
        alias="OPENID_ROLES_CLAIM",
        max_length=200,
        description="the claim that lists a person's groups",
    )
    openid_roles: str | None = Field(
        None,
        alias="OPENID_ROLES",
        max_length=20_000,
        description='the role that each group gives, the first that fits: {"support-leads": "lead", "support": '
        '"agent"}',
    )
    codec_keys: SecretStr | None = Field(
        None,
        alias="TIERLINE_CODEC_KEYS",
        max_length=20_000,
        description="the keys of payload encryption as `tierline codec key` prints them, the newest first, or @ and "
        "the path of a file that holds them; unset, payloads are not encrypted",
    )
    codec_origin: Origin | None = Field(
        None,
        alias="TIERLINE_CODEC_ORIGIN",
        max_length=500,
        description="the one origin whose pages may use the codec endpoint: the Temporal UI's, such as "
        "https://temporal.example.com; unset, none may",
    )
    log: Literal["text", "json"] = Field(
        "text",
        alias="TIERLINE_LOG",
        description="how worker, relay and API write their logs: text for people, or json, one object on each line",
    )
    metrics: str | None = Field(
        None,
        alias="TIERLINE_METRICS",
        pattern=r"^[^:/\s]+:\d{1,5}$",
        description="host:port where this process shows its metrics to Prometheus, such as 127.0.0.1:9464; unset, "
        "nowhere",
    )
    keep_deliveries: int = Field(
        14,
        alias="TIERLINE_KEEP_DELIVERIES",
        ge=3,
        le=3650,
        description="days for which a delivery that was acted on is known again when it is repeated, from 3 to 3650",
    )
    keep_notices: int = Field(
        90,
        alias="TIERLINE_KEEP_NOTICES",
        ge=7,
        le=3650,
        description="days for which a notice stays on record, and until its ticket is closed, from 7 to 3650",
    )
    keep_webhooks: int = Field(
        30,
        alias="TIERLINE_KEEP_WEBHOOKS",
        ge=7,
        le=3650,
        description="days for which it stays on record what was sent to which subscriber, from 7 to 3650",
    )
    keep_refusals: int = Field(
        90,
        alias="TIERLINE_KEEP_REFUSALS",
        ge=1,
        le=3650,
        description="days for which refusals stay on record, from 1 to 3650",
    )
    keep_expired: int = Field(
        90,
        alias="TIERLINE_KEEP_EXPIRED",
        ge=1,
        le=3650,
        description="days for which a token stays in the list after it was revoked or has expired, from 1 to 3650",
    )
    keep_texts: int | None = Field(
        None,
        alias="TIERLINE_KEEP_TEXTS",
        ge=90,
        le=3650,
        description="days for which texts stay after their ticket is closed, from 90 to 3650; unset, for ever",
    )
    zendesk_url: WebAddress | None = Field(
        None, alias="ZENDESK_URL", max_length=500, description="an address such as https://example.zendesk.com"
    )
    zendesk_email: str | None = Field(
        None, alias="ZENDESK_EMAIL", max_length=320, description="the user that Tierline writes as"
    )
    zendesk_api_token: SecretStr | None = Field(
        None, alias="ZENDESK_API_TOKEN", max_length=2000, description="an API token of that user's"
    )
    zendesk_webhook_secrets: SecretStr | None = Field(
        None,
        alias="ZENDESK_WEBHOOK_SECRETS",
        max_length=2000,
        description="the signing secrets of Zendesk's webhooks, with commas: two while one is replaced",
    )
    zendesk_fields: str | None = Field(
        None,
        alias="ZENDESK_FIELDS",
        max_length=5000,
        description='the custom fields that show and say something, by their numbers, as in {"show": {"tier": 360001}, '
        '"read": {"product_area": 360002}}',
    )
    webhook_secrets: SecretStr | None = Field(
        None,
        alias="WEBHOOK_SECRETS",
        max_length=2000,
        description="the secrets, with commas, of which one signs each webhook that opens tickets or gives commands; "
        "unset, none is taken",
    )
    webhook_sources: str | None = Field(
        None,
        alias="WEBHOOK_SOURCES",
        max_length=2000,
        description="sources, with commas, for whose customers those webhooks speak beside their own: api and cli are "
        "tickets that people opened; unset, none",
    )
    webhook_subscribers: SecretStr | None = Field(
        None,
        alias="WEBHOOK_SUBSCRIBERS",
        max_length=20_000,
        description="who gets events of tickets: a JSON list of objects with name, url, secret and, if "
        "wanted, events and texts; or @ and the path of a file that holds it",
    )
    otlp_endpoint: WebAddress | None = Field(
        None,
        alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        max_length=500,
        description="an address that takes OpenTelemetry's traces by OTLP over HTTP, such as http://127.0.0.1:4318",
    )
    otlp_traces_endpoint: WebAddress | None = Field(
        None,
        alias="OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        max_length=500,
        description="an address such as http://127.0.0.1:4318/v1/traces",
    )
    build_id: str | None = Field(
        None,
        alias="TIERLINE_BUILD_ID",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$",
        description="the build of this worker, such as 0.2.0 or a commit: tickets stay on the build that they began on "
        "(docs/upgrade.md); unset, every worker takes every ticket",
    )
    deployment: str = Field(
        "tierline",
        alias="TIERLINE_DEPLOYMENT",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$",
        description="what Temporal calls the workers of this installation together, where they name their build",
    )
    temporal_address: str | None = Field(
        None, alias="TEMPORAL_ADDRESS", max_length=500, description="host:port of a Temporal server"
    )
    temporal_profile: str | None = Field(
        None,
        alias="TEMPORAL_PROFILE",
        max_length=200,
        description="a profile of Temporal's own configuration file",
    )
    temporal_config_file: Path | None = Field(
        None, alias="TEMPORAL_CONFIG_FILE", description="Temporal's own configuration file"
    )

    @property
    def embeds_postgres(self) -> bool:
        """Return whether the database is ours to start."""
        return self.database_url is None

    @property
    def embeds_temporal(self) -> bool:
        """Return whether the Temporal server is ours to start."""
        return not (self.temporal_address or self.temporal_profile or self.temporal_config_file)

    @field_validator("policy")
    @classmethod
    def _be_a_file(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_file():
            raise ValueError("names no file")
        return path

    @model_validator(mode="after")
    def _be_complete(self) -> Self:
        """Check that an outside system is set up whole or not at all."""
        jira = {"JIRA_EMAIL": self.jira_email, "JIRA_API_TOKEN": self.jira_api_token}
        for name, url, companions in (
            ("JIRA_URL", self.jira_url, jira),
            ("PAGER_URL", self.pager_url, self._pager_companion()),
            ("SECOND_URL", self.second_url, {"SECOND_SECRET": self.second_secret}),
            ("NOTICE_URL", self.notice_url, {"NOTICE_SECRET": self.notice_secret}),
            ("SMTP_HOST", self.smtp_host, {"SMTP_FROM": self.smtp_from, "NOTICE_ADDRESSES": self.notice_addresses}),
            ("BILLING_URL", self.billing_url, {"BILLING_SECRET": self.billing_secret}),
            ("SURVEY_URL", self.survey_url, {"SURVEY_SECRET": self.survey_secret}),
            ("ZENDESK_URL", self.zendesk_url, self._zendesk_companions()),
            ("OPENID_ISSUER", self.openid_issuer, self._openid_companions()),
        ):
            missing = [companion for companion, value in companions.items() if value is None]
            if url and missing:
                raise ValueError(f"{name} is set without {' and '.join(missing)}: set both sides or neither")
        return self

    def _zendesk_companions(self) -> dict[str, object]:
        return {
            "ZENDESK_EMAIL": self.zendesk_email,
            "ZENDESK_API_TOKEN": self.zendesk_api_token,
            "ZENDESK_WEBHOOK_SECRETS": self.zendesk_webhook_secrets,
        }

    def _openid_companions(self) -> dict[str, object]:
        return {
            "OPENID_CLIENT_ID": self.openid_client_id,
            "OPENID_CLIENT_SECRET": self.openid_client_secret,
            "OPENID_ROLES": self.openid_roles,
        }

    def _pager_companion(self) -> dict[str, SecretStr | None]:
        if self.pager_kind == "webhook":
            return {"PAGER_SECRET": self.pager_secret}
        return {"PAGER_ROUTING_KEY": self.pager_routing_key}


def secrets_in(several: SecretStr | None) -> tuple[SecretStr, ...]:
    """Return the secrets of a variable that may hold several, separated by commas."""
    texts = several.get_secret_value().split(",") if several else []
    return tuple(SecretStr(text.strip()) for text in texts if text.strip())


def load_settings(*, attach: bool = True) -> Settings:
    """Read the environment.

    With `attach`, what a `tierline up` that runs now from the same TIERLINE_HOME has started fills what the
    environment leaves open, so that a command in another terminal finds it. The environment always wins.
    Raises SettingsError.
    """
    try:
        settings = Settings()
        if attach and (published := _left_open(settings, read_running(settings.home))):
            settings = Settings(**published)
    except ValidationError as error:
        raise SettingsError("; ".join(_line(problem) for problem in error.errors())) from None
    return settings


def _left_open(settings: Settings, published: dict[str, str]) -> dict[str, Any]:
    """Return what a running `tierline up` adds: nothing that the environment sets.

    A system (the word before the underscore) comes whole from one side: no address from here, token from there.
    """
    fields = type(settings).model_fields
    ours = {str(fields[name].alias) for name in settings.model_fields_set}
    systems = {name.partition("_")[0] for name in ours} - {"TIERLINE"}
    return {
        name: value for name, value in published.items() if name not in ours and name.partition("_")[0] not in systems
    }


def _line(problem: Any) -> str:
    """Return one problem of pydantic's as `VARIABLE: what is wrong (what it is)`, without the value: it may be a
    secret."""
    message = str(problem["msg"]).removeprefix("Value error, ")
    if not problem["loc"]:
        return message
    name = str(problem["loc"][0])
    field = next(field for field in Settings.model_fields.values() if field.alias == name)
    return f"{name}: {message} (it is {field.description})"
