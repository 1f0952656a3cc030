import type { ReceivedSpan } from "../otlp/types.ts"

/** A line of the waterfall: a span, a parent that was not received, or spans that are not shown. */
export interface Row {
  readonly span?: ReceivedSpan
  readonly missingParentId?: string
  /** Spans that this line stands for instead of showing them. */
  readonly hidden?: readonly ReceivedSpan[]
  readonly parent?: ReceivedSpan | undefined
  /** The lines of the tree before the name, two columns per level. */
  readonly guide: string
  /** The same for further lines about this row. */
  readonly below: string
  readonly hasChildren: boolean
}

interface Node {
  readonly span?: ReceivedSpan
  readonly missingParentId?: string
  readonly startUs: number
  readonly children: Node[]
}

/**
 * The spans of one trace as the rows of a tree, oldest first among siblings. With more than `maxRows`, each parent shows
 * only as many children as fit, failed ones first, and one row stands for the others.
 * Total whatever the input: spans that are their own ancestors become roots, and nothing recurses.
 */
export function treeRows(spans: readonly ReceivedSpan[], maxRows: number): Row[] {
  const roots = plant(spans)
  let limit = spans.length
  if (countRows(roots, limit, maxRows) > maxRows) {
    let tooMany = limit
    for (limit = 1; tooMany - limit > 1; ) {
      const middle = (limit + tooMany) >> 1
      if (countRows(roots, middle, maxRows) <= maxRows) limit = middle
      else tooMany = middle
    }
  }
  return draw(roots, limit, maxRows)
}

function plant(spans: readonly ReceivedSpan[]): Node[] {
  const nodes = new Map<string, Node>()
  for (const span of spans) nodes.set(span.spanId, { span, startUs: span.startUs, children: [] })
  const roots: Node[] = []
  const missing = new Map<string, Node>()
  for (const node of nodes.values()) {
    const { parentSpanId } = node.span!
    if (parentSpanId === undefined) roots.push(node)
    else if (nodes.has(parentSpanId)) nodes.get(parentSpanId)!.children.push(node)
    else if (missing.has(parentSpanId)) missing.get(parentSpanId)!.children.push(node)
    else missing.set(parentSpanId, { missingParentId: parentSpanId, startUs: node.startUs, children: [node] })
  }
  roots.push(...missing.values())
  const reached = new Set<Node>()
  for (const root of roots) reach(root, reached)
  // A circle of parents hangs on no root: it is cut open at its oldest span.
  for (const node of oldestFirst([...nodes.values()])) {
    if (reached.has(node)) continue
    roots.push(node)
    reach(node, reached)
  }
  return oldestFirst(roots)
}

function reach(root: Node, reached: Set<Node>): void {
  const open = [root]
  reached.add(root)
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    const children = node.children.filter((child) => !reached.has(child))
    node.children.splice(0, node.children.length, ...oldestFirst(children))
    for (const child of children) {
      reached.add(child)
      open.push(child)
    }
  }
}

function oldestFirst(nodes: Node[]): Node[] {
  return nodes.sort((a, b) => a.startUs - b.startUs)
}

/** How many rows it takes; stops counting beyond `enough`. */
function countRows(roots: readonly Node[], limit: number, enough: number): number {
  let rows = 0
  const open: (readonly Node[])[] = [roots]
  for (let nodes = open.pop(); nodes !== undefined && rows <= enough; nodes = open.pop()) {
    const shown = choose(nodes, limit)
    rows += shown.length + (shown.length < nodes.length ? 1 : 0)
    for (const node of shown) if (node.children.length > 0) open.push(node.children)
  }
  return rows
}

function choose(nodes: readonly Node[], limit: number): readonly Node[] {
  if (nodes.length <= limit) return nodes
  const failed = nodes.filter((node) => node.span?.status.code === "error").slice(0, limit)
  const chosen = new Set(failed)
  for (const node of nodes) if (chosen.size < limit) chosen.add(node)
  return nodes.filter((node) => chosen.has(node))
}

interface Pending extends Row {
  readonly node?: Node
}

function draw(roots: readonly Node[], limit: number, maxRows: number): Row[] {
  const rows: Row[] = []
  const open: Pending[] = []
  push(roots, undefined, "", true)
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (rows.length === maxRows - 1 && (open.length > 0 || next.node?.children.length)) {
      rows.push({
        hidden: [next, ...open].flatMap((row) => row.hidden ?? all([row.node!])),
        guide: "",
        below: "",
        hasChildren: false,
      })
      break
    }
    rows.push(next)
    if (next.node) push(next.node.children, next.span, next.below, false)
  }
  return rows

  /** Onto the stack, so the last one first. */
  function push(nodes: readonly Node[], parent: ReceivedSpan | undefined, indent: string, top: boolean): void {
    const shown = choose(nodes, limit)
    const rest = shown.length < nodes.length ? nodes.filter((node) => !shown.includes(node)) : []
    if (rest.length > 0)
      open.push({ hidden: all(rest), parent, guide: top ? indent : `${indent}└ `, below: `${indent}  `, hasChildren: false })
    for (let i = shown.length - 1; i >= 0; i--) {
      const node = shown[i]!
      const last = i === shown.length - 1 && rest.length === 0
      const guide = top ? indent : indent + (last ? "└ " : "├ ")
      const below = top ? indent : indent + (last ? "  " : "│ ")
      open.push({ ...node, node, parent, guide, below, hasChildren: node.children.length > 0 })
    }
  }
}

function all(roots: readonly Node[]): ReceivedSpan[] {
  const spans: ReceivedSpan[] = []
  const open = [...roots]
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node.span) spans.push(node.span)
    for (const child of node.children) open.push(child)
  }
  return spans
}
