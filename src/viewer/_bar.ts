import type { Paint, Style } from "./_text.ts"

/** Left blocks, U+2588 to U+258F, by eighths filled. */
const BLOCKS = " ▏▎▍▌▋▊▉█"

/**
 * A bar from `from` to `to` (fractions of the axis, 0 to 1), `columns` wide, precise to an eighth of a column.
 * Unicode has partial blocks for the left side only: with colour, a right one is a left one in reverse video.
 */
export function bar(from: number, to: number, columns: number, style: Style, paint: Paint): string {
  const first = Math.min(columns * 8 - 1, Math.max(0, Math.round(from * columns * 8)))
  // However short, a span is seen.
  const last = Math.min(columns * 8, Math.max(first + 1, Math.round(to * columns * 8)))
  const start = Math.floor(first / 8)
  const end = Math.ceil(last / 8)
  const reversible = paint("inverse", "x") !== "x"
  let drawn = ""
  for (let column = start; column < end; column++) {
    drawn += cell(Math.max(0, first - column * 8), Math.min(8, last - column * 8), reversible ? paint : undefined)
  }
  return " ".repeat(start) + paint(style, drawn) + " ".repeat(columns - end)
}

/** Where something is whose end or shape is not known, to the column. */
export function shade(from: number, to: number, columns: number, paint: Paint): string {
  const start = Math.min(columns - 1, Math.max(0, Math.floor(from * columns)))
  const end = Math.min(columns, Math.max(start + 1, Math.ceil(to * columns)))
  return " ".repeat(start) + paint("dim", "░".repeat(end - start)) + " ".repeat(columns - end)
}

/** One column, filled from eighth `from` to eighth `to`. */
function cell(from: number, to: number, paint: Paint | undefined): string {
  if (from === 0) return BLOCKS[to]!
  if (to === 8) return paint ? paint("inverse", BLOCKS[from]!) : from < 3 ? "█" : from < 7 ? "▐" : "▕"
  // Both ends within one column: the nearest of what there is.
  return from + to < 8 ? BLOCKS[to - from]! : to - from > 2 ? "▐" : "▕"
}
