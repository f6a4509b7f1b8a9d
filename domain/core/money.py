"""Money of several currencies: a decimal amount, written as text, and the code of its currency (ISO 4217).

A company's own figures (fees, revenue, credits) are in its one currency, and are not meant here.
"""

import re
from decimal import Decimal

MOST = Decimal(10) ** 9
"""No amount is larger: a slip of the keyboard shall not become a payment."""

_TWO_DIGITS = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP
CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR
KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN
PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD
TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW
"""
_NO_DIGITS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE_DIGITS = "BHD IQD JOD KWD LYD OMR TND"

DIGITS: dict[str, int] = {
    code: digits for codes, digits in ((_TWO_DIGITS, 2), (_NO_DIGITS, 0), (_THREE_DIGITS, 3)) for code in codes.split()
}
"""The currencies in use, by their codes, each with how many digits an amount has after its point."""

_AMOUNT = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,3})?", re.ASCII)


def currency_of(text: str) -> str:
    """Return the code that a text means: `EUR` of `eur`. Raises ValueError, which says what to write."""
    code = text.strip().upper()
    if code not in DIGITS:
        raise ValueError(f"{text[:20]!r} is no currency of ISO 4217: three letters, such as EUR")
    return code


def amount_of(text: str, currency: str) -> Decimal:
    """Return the amount that a text means, with all digits of its currency: `12.50` of `12.5` euros.

    Raises ValueError, which says what to write, for what is no amount, nothing, too much, or finer than the currency.
    """
    digits = DIGITS[currency]
    like = f"{Decimal('12.5'):.{digits}f}"
    written = text.strip()
    if not _AMOUNT.fullmatch(written):
        raise ValueError(f"an amount is digits with a point, and no sign or other separator, such as {like}")
    amount = Decimal(written)
    if not 0 < amount <= MOST:
        raise ValueError(f"an amount is more than 0, and at most {MOST:f}")
    exact = amount.quantize(Decimal(1).scaleb(-digits))
    if exact != amount:
        raise ValueError(f"{currency} has {digits or 'no'} digits after the point, such as {like}")
    return exact


def in_words(amount: Decimal, currency: str) -> str:
    """Write an amount for people: `1,200.00 EUR`."""
    return f"{amount:,f} {currency}"
