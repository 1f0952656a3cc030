import type { ReceivedSpan } from "../otlp/types.ts"
import { bar, shade } from "./_bar.ts"
import { facts, failure, isUnfinished, serviceOf } from "./_facts.ts"
import { duration, fit, type Paint, painter, printable, type Style, widthOf } from "./_text.ts"
import { type Timeline, timeline } from "./_timeline.ts"
import { type Row, treeRows } from "./_tree.ts"

export interface WaterfallOptions {
  /** Columns of the terminal: 80, and at least 40. */
  readonly width?: number
  /** Whether to write ANSI colours: false. Pass true only for a terminal, without NO_COLOR (no-color.org). */
  readonly color?: boolean
  /** Spans that are shown; the others are summed up: 60. */
  readonly maxRows?: number
}

const DURATION_COLUMNS = 8

/**
 * Draws one trace for a terminal: the tree of its spans, each with a bar on a common time axis, its duration and what is
 * worth knowing about it. Of several traces, the one of the first span is drawn; of a span that came twice, the last.
 * Nothing in a span can reach the terminal as a command.
 */
export function renderWaterfall(spans: readonly ReceivedSpan[], options: WaterfallOptions = {}): string {
  const { color = false, maxRows = 60 } = options
  const width = Math.max(40, options.width ?? 80)
  const paint = painter(color)
  const trace = [...new Map(spans.filter((span) => span.traceId === spans[0]?.traceId).map((span) => [span.spanId, span])).values()]
  if (trace.length === 0) return ""

  const axis = timeline(trace)
  const rows = treeRows(trace, maxRows)
  const root = rows.find((row) => row.span)?.span ?? trace[0]!
  const labels = rows.map((row) => label(row, axis, serviceOf(row.parent ?? root)))
  const widest = Math.max(
    ...labels.map((parts, index) => (rows[index]!.missingParentId ? 0 : widthOf(parts.map((part) => part.text).join("")))),
  )
  const left = Math.min(Math.max(widest, 12), Math.floor(width * 0.46))
  const columns = width - left - 1 - DURATION_COLUMNS

  const lines = [...header(trace, root, axis, width, paint), "", `${" ".repeat(left + 1)}${paint("dim", scale(axis.totalUs, columns))}`]
  rows.forEach((row, index) => {
    if (row.missingParentId) {
      lines.push(line(labels[index]!, width, paint).trimEnd())
      return
    }
    lines.push(`${line(labels[index]!, left, paint)} ${drawBar(row, axis, columns, paint)}${drawDuration(row, axis, paint)}`.trimEnd())
    const wrong = row.span && failure(row.span)
    if (wrong === undefined) return
    const guide = { style: "dim", text: shorten(`${row.below}${row.hasChildren ? "│ " : "  "}`, left) } as const
    lines.push(line([guide, { style: "red", text: `✗ ${printable(wrong)}` }], width, paint).trimEnd())
  })
  return `${lines.join("\n")}\n`
}

interface Part {
  readonly style?: Style
  readonly text: string
}

function header(trace: readonly ReceivedSpan[], root: ReceivedSpan, axis: Timeline, width: number, paint: Paint): string[] {
  const failed = trace.filter((span) => span.status.code === "error").length
  const total = duration(axis.totalUs).padStart(DURATION_COLUMNS)
  const service = serviceOf(root)
  const title: Part[] = [{ style: "bold", text: printable(root.name) }, { text: service && ` · ${printable(service)}` }]
  const counts: Part[] = [
    { style: "dim", text: `trace ${root.traceId} · ${trace.length} ${trace.length === 1 ? "span" : "spans"}` },
    { style: "dim", text: failed > 0 ? " · " : "" },
    { style: "red", text: failed > 0 ? `${failed} ${failed === 1 ? "error" : "errors"}` : "" },
  ]
  return [line(title, width - DURATION_COLUMNS, paint) + paint("bold", total), line(counts, width, paint).trimEnd()]
}

const ICONS: Readonly<Record<ReceivedSpan["kind"], string>> = {
  server: "←",
  client: "→",
  producer: "»",
  consumer: "«",
  internal: "·",
}
const STYLES: Readonly<Record<ReceivedSpan["kind"], Style>> = {
  server: "green",
  client: "cyan",
  producer: "magenta",
  consumer: "magenta",
  internal: "blue",
}

function label(row: Row, axis: Timeline, service: string): Part[] {
  const guide: Part = { style: "dim", text: shorten(row.guide, 20) }
  const { span } = row
  if (!span)
    return [guide, { style: "dim", text: row.hidden ? `… ${row.hidden.length} more` : `? parent ${row.missingParentId} not received` }]
  const skewUs = axis.skewUs(span) - (row.parent ? axis.skewUs(row.parent) : 0)
  const known = facts(span, { service, skewUs }).join(" · ")
  const style = span.status.code === "error" ? "red" : undefined
  return [
    guide,
    { style: style ?? STYLES[span.kind], text: `${ICONS[span.kind]} ` },
    { ...(style && { style }), text: printable(span.name) || "(no name)" },
    { style: "dim", text: known && ` ${printable(known)}` },
  ]
}

function drawBar(row: Row, axis: Timeline, columns: number, paint: Paint): string {
  const { span, hidden } = row
  const place = axis.place(span ? [span] : (hidden ?? []))
  if (!place) return " ".repeat(columns)
  if (hidden) return shade(place.from, place.to, columns, paint)
  if (isUnfinished(span!) && span!.durationUs === 0) return shade(place.from, 1, columns, paint)
  return bar(place.from, place.to, columns, span!.status.code === "error" ? "red" : STYLES[span!.kind], paint)
}

function drawDuration(row: Row, axis: Timeline, paint: Paint): string {
  const { span, hidden } = row
  if (hidden) {
    const failed = hidden.filter((one) => one.status.code === "error").length
    return failed > 0 ? paint("red", ` ✗ ${failed}`) : ""
  }
  if (!span || !axis.place([span])) return ""
  const shown = isUnfinished(span) && span.durationUs === 0 ? "…" : duration(span.durationUs)
  return paint(span.status.code === "error" ? "red" : "dim", shown.padStart(DURATION_COLUMNS))
}

/** The axis: where it starts, its middle and its end. */
function scale(totalUs: number, columns: number): string {
  const end = ` ${duration(totalUs)}`
  const middle = columns >= 24 ? ` ${duration(totalUs / 2)} ` : ""
  const before = Math.floor((columns - middle.length) / 2) - 2
  const after = columns - 2 - before - middle.length - end.length
  return `0 ${"─".repeat(Math.max(0, before))}${middle}${"─".repeat(Math.max(0, after))}${end}`
}

/** Of a deep guide, the inner levels are what counts. */
function shorten(guide: string, columns: number): string {
  return guide.length > columns ? `⋯ ${guide.slice(2 - columns)}` : guide
}

/** Parts one after the other, exactly `columns` wide. */
function line(parts: readonly Part[], columns: number, paint: Paint): string {
  let left = columns
  let drawn = ""
  for (const { style, text } of parts) {
    if (left <= 0) break
    const shown = fit(text, left)
    left -= widthOf(shown)
    drawn += style ? paint(style, shown) : shown
  }
  return drawn + " ".repeat(Math.max(0, left))
}
