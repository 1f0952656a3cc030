/** Text for a terminal: safe to print, measured in columns. */

/**
 * Makes everything visible that would act on the terminal instead of showing: control characters (ESC starts a command),
 * bidi and zero-width marks (they reorder or hide text), line separators, lone surrogates.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (char) => ESCAPES[char] ?? `\\u{${char.codePointAt(0)!.toString(16)}}`)
}

const ESCAPES: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }

/** At most `columns` wide, with "…" where something was cut off. */
export function fit(text: string, columns: number): string {
  if (columns <= 0) return ""
  // A grapheme can be any number of combining marks long; this bounds the bytes of a line, too.
  const head = text.slice(0, columns * 8)
  if (head === text && widthOf(text) <= columns) return text
  let kept = ""
  let width = 0
  for (const { segment } of graphemes.segment(head)) {
    width += graphemeWidth(segment)
    if (width > columns - 1) break
    kept += segment
  }
  return `${kept}…`
}

export function widthOf(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length
  let width = 0
  for (const { segment } of graphemes.segment(text)) width += graphemeWidth(segment)
  return width
}

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" })
/** Unicode Standard Annex 11, "East Asian Width": the blocks that are Wide or Fullwidth, and emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\ufe0f/u

function graphemeWidth(grapheme: string): number {
  if (WIDE.test(grapheme)) return 2
  return /^\p{M}+$/u.test(grapheme) ? 0 : 1
}

/** Three significant digits and a unit, at most 7 columns: "840 µs", "12.3 ms", "1.24 s", "2m 3s", "5.2 h". */
export function duration(us: number): string {
  if (us < 999.5) return `${digits(us)} µs`
  if (us < 999_500) return `${digits(us / 1000)} ms`
  if (us < 59_950_000) return `${digits(us / 1e6)} s`
  const seconds = Math.round(us / 1e6)
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${seconds % 60}s`
  return us < 3.6e12 ? `${digits(us / 3.6e9)} h` : "> 999 h"
}

function digits(value: number): string {
  return String(Number(value.toPrecision(3)))
}

export type Style = "red" | "green" | "yellow" | "blue" | "magenta" | "cyan" | "dim" | "bold" | "inverse"
export type Paint = (style: Style, text: string) => string

/** ECMA-48 8.3.117, "SGR": what switches a style on, and off again. */
const SGR: Readonly<Record<Style, readonly [number, number]>> = {
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  magenta: [35, 39],
  cyan: [36, 39],
  dim: [2, 22],
  bold: [1, 22],
  inverse: [7, 27],
}

export function painter(color: boolean): Paint {
  if (!color) return (_style, text) => text
  return (style, text) => (text === "" ? "" : `\u001b[${SGR[style][0]}m${text}\u001b[${SGR[style][1]}m`)
}
