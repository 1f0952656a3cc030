/** Longer names are no names; a secret's comes last in them. */
const MAX_NAME = 128

/** In lower case and without separators: `X-Api-Key`, `api_key` and `apiKey` are one name. "Author" and "authority" are no secrets. */
const SECRET =
  /auth(?!or(?!i[sz]))|cookie|passw|passphrase|passcode|pwd|secret|token|credential|signature|session|private|(?:api|access|signing|encryption|shared|master|license|account|storage|ssh|pgp)key|bearer|jwt|[cx]srf|cvv|cvc|pincode|socialsecurity|(?:card|account)n(?:umber|o$|r$)|creditcard|iban|^(?:pass|pin|ssn|otp|mfa|totp|pan|sig|salt|seed|mnemonic|codeverifier)$/

/** The same names come with each invocation. */
const known = new Map<string, boolean>()
const MAX_KNOWN = 1_000

/** Whether what goes by this name may not be shown. Linear in the length of the name. */
export function namesSecret(name: string, more: readonly string[]): boolean {
  let isSecret = known.get(name)
  if (isSecret === undefined) {
    isSecret = SECRET.test(plainName(name))
    if (known.size < MAX_KNOWN && name.length <= 40) known.set(name, isSecret)
  }
  return isSecret || (more.length > 0 && more.some((each) => plainName(name).includes(each)))
}

/** A name as it is compared. Full-width letters and the like are letters (Unicode, NFKC). */
export function plainName(name: string): string {
  const short = name.length > MAX_NAME ? name.slice(-MAX_NAME) : name
  const ascii = /^[ -~]*$/.test(short) ? short : short.normalize("NFKC")
  return ascii.toLowerCase().replace(/[^a-z0-9]/g, "")
}
