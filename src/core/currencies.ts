/**
 * Active national currencies of ISO 4217 with their number of minor-unit digits. Our own table: the exponent
 * decides what an amount means, so it must not change with a library or with the ICU data of the machine.
 */
const DIGITS_OF: Readonly<Record<string, readonly string[]>> = {
  "0": "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(" "),
  "2": (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP " +
    "CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS " +
    "KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD " +
    "PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP " +
    "TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
  ).split(" "),
  "3": "BHD IQD JOD KWD LYD OMR TND".split(" "),
  "4": "CLF UYW".split(" "),
};

const EXPONENTS: ReadonlyMap<string, number> = new Map(
  Object.entries(DIGITS_OF).flatMap(([digits, codes]) => codes.map((code) => [code, Number(digits)] as const)),
);

export const CURRENCIES: readonly string[] = [...EXPONENTS.keys()].sort();

export function isCurrency(code: string): boolean {
  return EXPONENTS.has(code);
}

/** Digits behind the decimal point: 0 for JPY, 2 for USD, 3 for KWD, 4 for CLF; null for a code outside the table. */
export function exponentOf(currency: string): number | null {
  return EXPONENTS.get(currency) ?? null;
}
