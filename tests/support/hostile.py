"""Texts with which somebody may try to have a page run what they wrote."""

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    '"><script>alert(1)</script>',
    "</textarea><script>alert(1)</script>",
    "' onfocus=alert(1) autofocus='",
    "javascript:alert(1)",
    "{{7*7}} {% raise %} ${7*7}",
    "<a href=javascript:alert(1)>x</a>",
    '<div hx-get="/desk/queue" hx-trigger="load">x</div>',
    "<style>*{display:none}</style>",
    "\u202egnp.exe",
]
