"""All settings of MCPShop, read once from the environment (and `.env`), typed and checked.

Nothing else in the program reads the environment.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parent.parent
DEVELOPMENT_SECRET = "development-only-secret-key-of-mcpshop"  # noqa: S105 - refused in production


class ModelPrice(BaseModel):
    """What a million tokens of a model cost, in yuan; `cached_input` is `input` unless given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Decimal = Field(ge=0, le=100_000)
    output: Decimal = Field(ge=0, le=100_000)
    cached_input: Decimal | None = Field(default=None, ge=0, le=100_000)


class Settings(BaseSettings):
    """The program's settings; each field's environment variable is its name in upper case.

    Durations are seconds and money is cents unless the name says otherwise.
    """

    model_config = SettingsConfigDict(
        env_file=".env", extra="ignore", populate_by_name=True, env_ignore_empty=True
    )

    app_env: Literal["development", "test", "production"] = "development"
    # Not named `home`: the variable HOME would be taken for it.
    mcpshop_home: Path = Path("instance")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    web_workers: int = Field(default=1, ge=1, le=64)
    secret_key: str = DEVELOPMENT_SECRET
    database_url: str = ""
    redis_url: str = ""
    trusted_proxies: int = Field(
        default=0, ge=0, le=5, description="Reverse proxies whose X-Forwarded-* count"
    )
    session_cookie_secure: bool = False
    session_days: int = Field(default=30, ge=1, le=365)
    log_level: str = "INFO"
    metrics_token: str = ""
    public_url: str = Field(
        default="",
        description="The shop's address on the network, such as https://shop.example.com; else as each request has it",
    )

    shop_timezone: str = "Asia/Shanghai"
    default_locale: Literal["zh", "en"] = "zh"
    unpaid_order_minutes: int = Field(default=30, ge=1)
    max_upload_bytes: int = Field(default=5_000_000, ge=1)
    cdn_base: str = "https://cdn.jsdelivr.net/npm"

    demo_password: str = "mcpshop-demo"  # noqa: S105 - public, and refused in production
    demo: bool = Field(default=True, validation_alias=AliasChoices("MCPSHOP_DEMO", "demo"))

    jwt_minutes: int = Field(default=60, ge=1)
    ratelimit_enabled: bool = True

    llm_api_key: str = Field(
        default="", validation_alias=AliasChoices("LLM_API_KEY", "OPENAI_API_KEY", "DEEPSEEK_API_KEY")
    )
    llm_base_url: str = Field(default="", validation_alias=AliasChoices("LLM_BASE_URL", "OPENAI_BASE_URL"))
    llm_model: str = Field(default="", validation_alias=AliasChoices("LLM_MODEL", "OPENAI_MODEL"))
    deepseek_api_key: str = ""
    llm_allowed_base_urls: str = Field(
        default="", description="Other model addresses that a caller may name, separated by spaces"
    )
    llm_private_base_urls: str = Field(
        default="", description="Model addresses that may lie in a private network, separated by spaces"
    )
    llm_connect_timeout: float = Field(default=5.0, gt=0)
    llm_first_token_timeout: float = Field(
        default=15.0, gt=0, description="Until a model begins; then the next agent is asked"
    )
    llm_gap_timeout: float = Field(default=30.0, gt=0, description="Longest silence in a model's answer")
    llm_total_timeout: float = Field(default=120.0, gt=0, description="Longest answer of a model, one turn")

    llm_prices: dict[str, ModelPrice] = Field(
        default={}, description="Prices by model name, or by the beginning of names and *: JSON"
    )
    agent_user_daily_tokens: int = Field(
        default=1_000_000, ge=0, description="Tokens of paid models for one person a day; 0 is no limit"
    )
    agent_user_daily_cents: int = Field(
        default=0, ge=0, description="Cost of one person's answers a day; 0 is no limit"
    )

    agent_max_steps: int = Field(default=8, ge=1, le=32)
    agent_history_tokens: int = Field(
        default=6_000, ge=500, description="How much of a talk a model gets, its summary included (estimated)"
    )
    tool_result_max_chars: int = Field(default=8_000, ge=500)
    tool_timeout_seconds: float = 10.0
    mcp_allowed_hosts: str = Field(
        default="", description="Host names under which MCP clients reach the shop, separated by spaces"
    )
    mcp_sessions: bool = Field(
        default=False,
        description="Keep sessions of older MCP clients, so that they can be asked; one web process only",
    )
    oauth_registration: bool = Field(
        default=True, description="Let programs register themselves for OAuth (RFC 7591)"
    )
    oauth_private_clients: str = Field(
        default="",
        description="Addresses in a private network where OAuth clients' documents may lie, separated by spaces",
    )
    mcp_result_max_chars: int = Field(default=60_000, ge=1_000)
    mcp_stdio_commands: str = Field(
        default="", description="Programs that may be attached as MCP servers on stdio, separated by spaces"
    )
    mcp_private_urls: str = Field(
        default="", description="Attached MCP servers that may lie in a private network, separated by spaces"
    )
    mcp_server_max_bytes: int = Field(
        default=2_000_000, ge=10_000, description="Longest answer of an attached MCP server"
    )
    mcp_server_look_seconds: float = Field(
        default=30.0, gt=0, description="Between two looks at an attached MCP server in use"
    )
    mcp_server_rest_seconds: float = Field(
        default=10.0, gt=0, description="How long an attached MCP server that fails is left alone"
    )
    mcp_request_max_bytes: int = Field(
        default=1_000_000, ge=10_000, description="Longest message of a client"
    )
    mcp_calls_per_minute: int = Field(
        default=60_000, ge=0, le=1_000_000, description="Requests of a key without a limit of its own; 0: any"
    )
    mcp_log_days: int = Field(default=90, ge=1, le=3_650, description="How long each call of a tool is kept")
    insights_database_url: str = Field(
        default="",
        description="Where reports read: a user or a replica that may only read; else DATABASE_URL",
    )
    sql_max_rows: int = Field(default=1_000, ge=1, le=10_000, description="Most rows of a report")
    sql_timeout_seconds: float = Field(
        default=10.0, gt=0, le=300, description="Longest query of a report, ended by the database"
    )
    crm_base_url: str = Field(
        default="", description="The CRM that keeps campaigns' coupons; else the program's own mock CRM"
    )
    crm_token: str = Field(default="", description="The CRM's service token; the mock has one of its own")
    crm_timeout_seconds: float = Field(default=5.0, gt=0, le=30, description="Longest answer of the CRM")
    campaign_lease_seconds: float = Field(
        default=30.0, ge=1, le=600, description="How long a worker that went silent keeps a campaign"
    )
    campaign_wait_seconds: float = Field(
        default=10.0,
        ge=0,
        le=30,
        description="How long /api/execute waits for the worker before it answers 202",
    )
    campaign_margin_percent: float = Field(
        default=60.0, ge=0, le=100, description="Assumed gross margin of goods in a campaign's estimate"
    )
    campaign_response_percent: float = Field(
        default=5.0, ge=0, le=100, description="Assumed share of a coupon's holders who buy because of it"
    )
    embed_model_path: Path | None = Field(
        default=None, description="Folder of a sentence-transformers model; finding by meaning needs one"
    )
    chroma_dir: Path | None = Field(
        default=None, description="Where the index of meanings is kept; else in MCPSHOP_HOME"
    )
    semantic_timeout_seconds: float = Field(
        default=1.0, gt=0, le=60, description="How long a search waits for the model; then words must do"
    )
    confirmation_seconds: int = 300
    voice_confirm_seconds: int = Field(
        default=120, ge=5, le=600, description="How long what was read out by voice waits for a yes"
    )
    voice_model_seconds: float = Field(
        default=4.0,
        ge=0,
        le=30,
        description="How long a language model may think about what the voice's own rules did not understand; 0 asks none",
    )
    speech_base_url: str = Field(
        default="", description="OpenAI-compatible address of transcription and speech, ending in /v1"
    )
    speech_api_key: str = ""
    speech_transcribe_model: str = "whisper-1"
    speech_speak_model: str = "tts-1"
    speech_speak_voice: str = "alloy"
    speech_timeout_seconds: float = Field(default=20.0, gt=0)
    speech_max_bytes: int = Field(default=4_000_000, ge=1_000, description="Largest recording that is taken")
    speech_max_seconds: int = Field(default=60, ge=1, description="Longest recording that is taken")
    speech_keep: bool = Field(
        default=False, description="Keep recordings in the folder voice of the home, to listen to errors"
    )
    voice_keep_days: int = Field(
        default=30, ge=1, description="How long voice sessions and their log are kept"
    )
    run_seconds: int = Field(default=180, ge=5, description="Longest life of one run")
    run_log_seconds: int = Field(default=3_600, ge=60, description="How long a run's events can be replayed")
    run_heartbeat_seconds: float = Field(default=1.0, gt=0)
    sse_ping_seconds: float = Field(default=15.0, gt=0)
    sse_streams_per_user: int = Field(default=20, ge=1)

    smtp_host: str = Field(
        default="", description="The mail server; without one mails are files in the folder mail of the home"
    )
    smtp_port: int = Field(default=587, ge=1, le=65_535)
    smtp_user: str = ""
    smtp_password: str = ""
    smtp_tls: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="How the line to the mail server is sealed; tls is for port 465"
    )
    mail_from: str = Field(default="MCPShop <shop@mcpshop.example>", description="Who mails come from")
    push_private_urls: str = Field(
        default="", description="Push services that may lie in a private network, separated by spaces"
    )

    @model_validator(mode="after")
    def _take_home_secret(self) -> Settings:
        """`make run` gives a home its own key; commands on the same home must open what it has sealed."""
        path = self.home_path / "secret_key"
        if self.secret_key == DEVELOPMENT_SECRET and path.is_file():
            self.secret_key = path.read_text(encoding="utf-8").strip() or DEVELOPMENT_SECRET
        return self

    @model_validator(mode="after")
    def _check_production(self) -> Settings:
        """Refuse settings that would be unsafe where real customers are."""
        if self.app_env != "production":
            return self
        if self.secret_key == DEVELOPMENT_SECRET or len(self.secret_key) < 32:
            raise ValueError("SECRET_KEY must be set to at least 32 characters in production")
        if not self.ratelimit_enabled:
            raise ValueError("RATELIMIT_ENABLED=0 is refused in production")
        return self

    @model_validator(mode="after")
    def _check_sessions(self) -> Settings:
        """A session lives in one process; with several, most requests would reach another."""
        if self.mcp_sessions and self.web_workers > 1:
            raise ValueError("MCP_SESSIONS=1 needs WEB_WORKERS=1")
        return self

    @field_validator("mail_from")
    @classmethod
    def _check_mail_from(cls, value: str) -> str:
        """An address, with or without a name: it goes into a header, and tells push services whom to ask."""
        if not re.fullmatch(r"[^<>@\r\n]*<[^<>@\s]+@[^<>@\s]+>|[^<>@\s]+@[^<>@\s]+", value.strip()):
            raise ValueError("MAIL_FROM is an address such as Shop <shop@example.com>")
        return value.strip()

    @field_validator("public_url")
    @classmethod
    def _check_public_url(cls, value: str) -> str:
        """An origin: tokens and metadata name it, letter by letter."""
        origin = value.strip().rstrip("/").lower()
        if origin and not re.fullmatch(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?", origin):
            raise ValueError("PUBLIC_URL is http or https and a host, such as https://shop.example.com")
        return origin

    @cached_property
    def home_path(self) -> Path:
        """The folder that holds all state, absolute."""
        return self.mcpshop_home if self.mcpshop_home.is_absolute() else PROJECT_ROOT / self.mcpshop_home

    @property
    def database_uri(self) -> str:
        """SQLAlchemy URL; SQLite under the home folder unless DATABASE_URL says otherwise."""
        return _with_driver(self.database_url or f"sqlite:///{self.home_path / 'mcpshop.db'}")

    @property
    def mail_address(self) -> str:
        """The bare address of `mail_from`."""
        return self.mail_from.rpartition("<")[2].rstrip(">")

    @property
    def site_url(self) -> str:
        """Where the shop answers, for links in what is sent: `public_url`, else this machine."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{self.port}"

    @property
    def insights_database_uri(self) -> str:
        """SQLAlchemy URL of the database that reports read."""
        return _with_driver(self.insights_database_url or self.database_uri)

    @property
    def redis_uri(self) -> str:
        """Redis URL: REDIS_URL, else the embedded server of this home when it was started, else the usual port."""
        socket = self.home_path / "redis" / "redis.sock"
        if not self.redis_url and socket.exists():
            return f"unix://{socket}?db=0"
        return self.redis_url or "redis://127.0.0.1:6379/0"

    @property
    def media_path(self) -> Path:
        """Uploaded pictures."""
        return self.home_path / "media"

    @property
    def chroma_path(self) -> Path:
        """The folder of the index of meanings, absolute."""
        return (self.chroma_dir or self.home_path / "chroma").absolute()

    @property
    def llm_is_configured(self) -> bool:
        """True when a language model is to be used instead of the built-in one."""
        return bool(self.llm_api_key or self.llm_base_url)

    @property
    def llm_endpoint(self) -> str:
        """The OpenAI-compatible base URL, DeepSeek's when only its key is given."""
        if self.llm_base_url:
            return self.llm_base_url
        if self.deepseek_api_key and self.llm_api_key == self.deepseek_api_key:
            return "https://api.deepseek.com"
        return "https://api.openai.com/v1"

    @property
    def llm_model_name(self) -> str:
        """The model to ask for."""
        return self.llm_model or ("deepseek-chat" if "deepseek" in self.llm_endpoint else "gpt-4o-mini")


def _with_driver(url: str) -> str:
    """The URL with the name of the driver that we use."""
    for plain in ("mysql://", "mariadb://"):
        if url.startswith(plain):
            return "mysql+pymysql://" + url[len(plain) :]
    return url
