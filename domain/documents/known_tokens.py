"""Tokens that are recognised by their beginning alone, as those who give them out document it.

Each entry is one vendor's form. Whoever adds one adds a made-up token to the tests.
"""

import re

KNOWN = re.compile(
    r"""(?<![A-Za-z0-9])(?:
      (?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}(?![A-Za-z0-9])     # AWS
    | gh[oprsu]_\w{20,} | github_pat_\w{20,}
    | gl(?:pat|rt|dt|cbt|ptt|ft|soat|agent|oas|imt)-[\w-]{16,} # GitLab: users, runners, deploy, jobs, feeds
    | xox[a-z]-[\w-]{10,} | xapp-[\w-]{10,}                    # Slack
    | hooks\.slack\.com/(?:services|workflows|triggers)/[\w/-]{10,}
    | discord(?:app)?\.com/api/webhooks/\d{10,}/[\w-]{20,}
    | [rsp]k_(?:live|test)_\w{10,} | whsec_[\w+/=]{10,}        # Stripe, signed webhooks
    | sk-[\w-]{20,} | AIza[\w-]{35} | ya29\.[\w-]{20,} | GOCSPX-[\w-]{20,}
    | ATATT[\w=-]{20,} | ATCTT3[\w=-]{20,} | ATBB\w{20,}       # Atlassian, Bitbucket
    | npm_\w{30,} | pypi-[\w-]{20,} | rubygems_[0-9a-f]{40,} | hv[bs]\.[\w-]{20,} | dop_v1_\w{20,}
    | shp(?:at|ca|pa|ss)_\w{20,}
    | SG\.[\w-]{16,}\.[\w-]{16,}                               # SendGrid
    | hf_\w{20,} | dckr_(?:pat|oat)_[\w-]{20,} | lin_(?:api|oauth)_\w{20,}
    | PMAK-[\w-]{20,} | NR(?:AK|AL|II|RA|BR)-[\w-]{16,} | sq0(?:atp|csp|idp)-[\w-]{16,} | figd_[\w-]{16,}
    | EAA[A-Z]\w{30,}                                          # Meta
    | (?:AC|SK)[0-9a-f]{32}(?![A-Za-z0-9])                     # Twilio
    | AGE-SECRET-KEY-1[A-Z0-9]{20,} | dapi[0-9a-f]{32} | pul-[0-9a-f]{40} | xkeysib-[\w-]{20,} | r8_\w{30,}
    | sntry[su]_[\w=+/-]{20,} | ntn_\w{30,}
    | glsa_\w{20,} | glc_[\w=+/-]{20,} | ph[cx]_\w{30,}        # Grafana, PostHog
    | CFPAT-[\w-]{20,} | pscale_(?:tkn|oauth|pw)_[\w.-]{20,} | tskey-[a-z]{2,12}-[\w-]{10,}
    | FlyV1[ ]fm[12][ar]?_[\w=+/,-]{20,} | gsk_\w{20,} | xai-\w{20,} | pplx-\w{20,} | nvapi-[\w-]{20,}
    | sb[ps]_\w{20,} | dt0[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9a-z]{20,} | key-[0-9a-f]{32}(?!\w) | rdme_\w{30,}
    | LTAI[A-Za-z0-9]{16,} | EZ[AT]K[A-Za-z0-9]{50,} | pat-[a-z]{2}\d-[0-9a-f-]{36} | atlasv1\.[\w=-]{20,}
    | webhook\.office\.com/webhookb2/[\w@/-]{20,}              # Microsoft Teams
    | tl_[0-9a-z]{10}_[\w-]{43}                                # Tierline: of the API
    | \d{8}-[0-9a-f]{4}:[\w-]{43}=                             # Tierline: of payload encryption
    )""",
    re.X,
)
BEGINNINGS = (
    *("akia", "asia", "aroa", "aida", "ghp_", "gho_", "ghr_", "ghs_", "ghu_", "github_pat_", "xox", "xapp-"),
    *("glpat-", "glrt-", "gldt-", "glcbt-", "glptt-", "glft-", "glsoat-", "glagent-", "gloas-", "glimt-"),
    *("hooks.slack.com/", "/api/webhooks/", "k_live_", "k_test_", "whsec_", "sk-", "aiza", "ya29.", "gocspx-"),
    *("atatt", "atctt3", "atbb", "npm_", "pypi-", "rubygems_", "hvb.", "hvs.", "dop_v1_"),
    *("shpat_", "shpca_", "shppa_", "shpss_", "sg.", "hf_", "dckr_", "lin_", "pmak-", "nrak-", "nral-", "nrii-"),
    *("nrra-", "nrbr-", "sq0", "figd_", "eaa", "ac", "sk", "age-secret-key-", "dapi", "pul-", "xkeysib-", "r8_"),
    *(
        "sntry",
        "ntn_",
        "glsa_",
        "glc_",
        "phc_",
        "phx_",
        "cfpat-",
        "pscale_",
        "tskey-",
        "flyv1",
        "gsk_",
        "xai-",
        "pplx-",
    ),
    *("nvapi-", "sbp_", "sbs_", "dt0", "key-", "rdme_", "ltai", "ezak", "eztk", "pat-", "atlasv1.", "webhook.office"),
    *("tl_", "="),
)
"""What those begin with, in lower case: looking for all of these words is faster than the expression."""
