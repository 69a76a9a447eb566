//! Secrets that are known by their own shape.
//!
//! **Reads** nothing.
//! **Gives** [`RULES`], each from what its issuer documents of its tokens' form.
//! **Never** needs a word beside the token, but where its shape is a common one.

use super::BuiltIn;
use super::Doubt;
use super::rule;

pub(super) const RULES: &[BuiltIn] = &[
    rule(
        "json-web-token",
        "JSON Web Tokens (RFC 7519)",
        &["eyj"],
        r"\beyJ[A-Za-z0-9_-]{8,600}\.eyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)*",
    ),
    rule(
        "aws-key",
        "access keys of AWS",
        &["akia", "asia", "abia", "acca"],
        r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b",
    ),
    rule(
        "gcp-key",
        "API keys, access tokens and client secrets of Google",
        &["aiza", "ya29.", "gocspx-", "1//0"],
        r"\b(?:AIza[0-9A-Za-z_-]{35}|ya29\.[0-9A-Za-z_-]{20,}|GOCSPX-[0-9A-Za-z_-]{20,}|1//0[0-9A-Za-z_-]{30,})",
    ),
    rule(
        "azure-secret",
        "client secrets of Entra",
        &["8q~"],
        r"[A-Za-z0-9_.~-]{3}8Q~[A-Za-z0-9_.~-]{31,}",
    ),
    rule(
        "github-token",
        "tokens of GitHub",
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
        r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{22,})",
    ),
    rule(
        "gitlab-token",
        "tokens of GitLab",
        &["glpat-", "gldt-", "glrt-", "glft-", "glcbt-", "glptt-", "glimt-", "glagent-", "glsoat-", "glffct-", "gloas-", "glrtr-", "glwt-", "gr1348941"],
        r"\b(?:gl(?:pat|dt|rt|rtr|ft|cbt|ptt|imt|agent|soat|ffct|oas|wt)-[0-9A-Za-z_.-]{16,}|GR1348941[0-9A-Za-z_-]{16,})",
    ),
    rule(
        "slack-token",
        "tokens and webhooks of Slack",
        &["xoxb-", "xoxa-", "xoxp-", "xoxr-", "xoxs-", "xoxe", "xoxo-", "xoxd-", "xoxc-", "xapp-", "hooks.slack.com"],
        r"\b(?:xox[abcdeoprs](?:\.xox[abp])?-[0-9A-Za-z%/+.-]{10,}|xapp-[0-9A-Za-z-]{16,}|hooks\.slack\.com/(?:services|workflows|triggers)/(?P<secret>[A-Za-z0-9/_-]{16,}))",
    ),
    rule(
        "stripe-key",
        "keys of Stripe",
        &["sk_live_", "sk_test_", "rk_live_", "rk_test_", "whsec_"],
        r"\b(?:[sr]k_(?:live|test)_[0-9A-Za-z]{16,}|whsec_[0-9A-Za-z+/=]{16,})",
    ),
    rule(
        "npm-token",
        "tokens of npm",
        &["npm_"],
        r"\bnpm_[0-9A-Za-z]{30,}",
    ),
    rule(
        "pypi-token",
        "tokens of PyPI",
        &["pypi-ag"],
        r"\bpypi-Ag[0-9A-Za-z_-]{40,}",
    ),
    rule(
        "docker-token",
        "tokens of Docker Hub",
        &["dckr_pat_", "dckr_oat_"],
        r"\bdckr_[po]at_[0-9A-Za-z_-]{20,}",
    ),
    rule(
        "digitalocean-token",
        "tokens of DigitalOcean",
        &["dop_v1_", "doo_v1_", "dor_v1_"],
        r"\bdo[por]_v1_[0-9a-f]{40,}",
    ),
    rule(
        "telegram-token",
        "tokens of Telegram bots",
        &[":aa"],
        r"[0-9]{8,10}:AA[0-9A-Za-z_-]{33}",
    ),
    rule(
        "discord-token",
        "webhooks and bot tokens of Discord",
        &["discord"],
        r"(?:discord(?:app)?\.com/api/webhooks/[0-9]{1,24}/(?P<secret>[0-9A-Za-z_-]{20,})|\b(?P<secret2>[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}))",
    ),
    rule(
        "twilio-key",
        "API keys of Twilio",
        &["sk0", "sk1", "sk2", "sk3", "sk4", "sk5", "sk6", "sk7", "sk8", "sk9", "ska", "skb", "skc", "skd", "ske", "skf"],
        r"\bSK[0-9a-f]{32}\b",
    ),
    rule(
        "sendgrid-key",
        "keys of SendGrid",
        &["sg."],
        r"\bSG\.[0-9A-Za-z_-]{16,32}\.[0-9A-Za-z_-]{16,}",
    ),
    rule(
        "mailgun-key",
        "keys of Mailgun and Mailchimp",
        &["key-", "-us"],
        r"\b(?:key-[0-9a-f]{32}\b|[0-9a-f]{32}-us[0-9]{1,2}\b)",
    ),
    rule(
        "anthropic-key",
        "keys of Anthropic",
        &["sk-ant-"],
        r"\bsk-ant-[A-Za-z0-9_-]{16,}",
    ),
    rule(
        "openai-key",
        "keys of OpenAI and of those who copied their form",
        &["sk-"],
        r"\bsk-[A-Za-z0-9_-]{20,}",
    )
    .doubting(Doubt::Plain),
    rule(
        "huggingface-token",
        "tokens of Hugging Face",
        &["hf_", "api_org_"],
        r"\b(?:hf_|api_org_)[A-Za-z0-9]{30,}",
    ),
    rule(
        "vault-token",
        "tokens of Vault",
        &["hvs.", "hvb.", "hvr.", "vault", "unseal"],
        r"\b(?:hv[sbr]\.[A-Za-z0-9_-]{20,}|[sb]\.[A-Za-z0-9]{24}\b|(?i:unseal key) [0-9]{1,2}: (?P<secret>[A-Za-z0-9+/=]{40,}))",
    ),
    rule(
        "newrelic-key",
        "keys of New Relic",
        &["nrak-", "nrii-", "nrjs-", "nral"],
        r"\b(?:NR(?:AK|II|JS|BR)-[A-Za-z0-9_-]{16,}|[0-9a-f]{36}NRAL\b)",
    ),
    rule(
        "age-key",
        "secret keys of age",
        &["age-secret-key-", "age-plugin-"],
        r"(?i)\bAGE-(?:SECRET-KEY|PLUGIN-[A-Z0-9]{1,24})-(?:PQ-)?1[0-9A-Z]{20,}",
    ),
    rule(
        "service-token",
        "tokens of Atlassian, Cloudflare, Databricks, Doppler, Fly, Grafana, Linear, Netlify, Notion, PlanetScale, Postman, Pulumi, RubyGems, Sentry, Shopify, Supabase, Tailscale, Terraform and crates.io",
        &["atatt3", "atctt3", "cfut_", "cfat_", "dapi", "dp.pt.", "dp.st.", "fo1_", "fm2_", "glsa_", "glc_", "lin_api_", "nfp_", "ntn_", "pscale_", "pmak-", "pul-", "rubygems_", "sntrys_", "sntryu_", "shpat_", "shpca_", "shppa_", "shpss_", "sbp_", "tskey-", ".atlasv1.", "cio"],
        r"\b(?:AT[AC]TT3[A-Za-z0-9_=-]{20,}|cf[ua]t_[A-Za-z0-9_-]{30,}|dapi[0-9a-f]{32}|dp\.[ps]t\.[A-Za-z0-9._-]{30,}|fo1_[A-Za-z0-9_-]{30,}|fm2_[A-Za-z0-9+/=]{30,}|gls?a_[A-Za-z0-9]{30,}|glc_[A-Za-z0-9+/=]{30,}|lin_api_[A-Za-z0-9]{30,}|nfp_[A-Za-z0-9]{30,}|ntn_[A-Za-z0-9]{30,}|pscale_(?:tkn|oauth|pw)_[A-Za-z0-9_.-]{30,}|PMAK-[0-9a-f]{20,40}-[0-9a-f]{20,}|pul-[0-9a-f]{40}|rubygems_[0-9a-f]{40,}|sntry[su]_[A-Za-z0-9+/=_]{30,}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|sbp_[0-9a-f]{40}|tskey-[a-z]{2,12}-[A-Za-z0-9-]{16,}|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{40,}|cio[A-Za-z0-9]{32}\b)",
    ),
];
